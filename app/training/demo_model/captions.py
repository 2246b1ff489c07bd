"""The words of the demo model: which scenes there are and how they are described; training and judges use it.

A scene is one shape of one colour on a background of another colour, optionally with a size and a place.
"""

import random
from dataclasses import dataclass
from itertools import product

SHAPES = ("circle", "square", "triangle", "star")
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 70, 220),
    "yellow": (245, 220, 40),
    "orange": (245, 135, 25),
    "purple": (130, 50, 175),
    "white": (245, 245, 245),
    "black": (15, 15, 15),
}
SIZES = ("small", "large")
PLACES: dict[str, tuple[int, int]] = {  # steps to the right and downwards from the centre
    "left": (-1, 0),
    "right": (1, 0),
    "top": (0, -1),
    "bottom": (0, 1),
    "center": (0, 0),
    "top left": (-1, -1),
    "top right": (1, -1),
    "bottom left": (-1, 1),
    "bottom right": (1, 1),
}
TEMPLATES = (
    "{a_subject} on {a_background} background",
    "{subject} on {background} background",
    "{a_subject}, {background} background",
    "{subject}, {background} background",
)
_FIRST_TEMPLATE_SHARE = 0.5  # the natural sentence; the other three share the rest
_SMALL_AND_PLACED = 0.2

HELD_OUT_TEXT = """
green circle purple; blue circle red; yellow circle purple; orange circle red; white circle red;
black circle purple; red square green; green square white; blue square green; yellow square white;
orange square green; purple square white; white square green; black square white; red triangle blue;
green triangle black; yellow triangle black; orange triangle blue; purple triangle black;
white triangle blue; red star yellow; blue star yellow; orange star yellow; white star yellow
"""  # 24 of 224: all pairs of shape, colour and background stay in use with other partners


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a caption says; an empty `size` or `place` is not mentioned."""

    shape: str
    colour: str
    background: str
    size: str = ""
    place: str = ""

    @property
    def combination(self) -> tuple[str, str, str]:
        """Colour, shape and background: what can be held out of the training."""
        return self.colour, self.shape, self.background


Combination = tuple[str, str, str]


def _held_out() -> tuple[Combination, ...]:
    found = []
    for entry in HELD_OUT_TEXT.replace("\n", " ").split(";"):
        colour, shape, background = entry.split()
        found.append((colour, shape, background))
    return tuple(found)


HELD_OUT: tuple[Combination, ...] = _held_out()
SEEN: tuple[Combination, ...] = tuple(
    (colour, shape, background)
    for colour, shape, background in product(COLOURS, SHAPES, COLOURS)
    if colour != background and (colour, shape, background) not in HELD_OUT
)


def repeatable(seed: int | str) -> random.Random:
    """The source of chance that a seed stands for."""
    return random.Random(seed)  # noqa: S311  pictures, not secrets


def draw_scene(
    chance: random.Random, combinations: tuple[Combination, ...], worded: float, placed: float = 0.5
) -> Scene:
    """A random scene of one of `combinations`; a share `worded` of them has a size word or a place.

    Of those a share `placed` has a place, some of them with the word small: large shapes fill the picture.
    """
    colour, shape, background = chance.choice(combinations)
    size, place = "", ""
    if chance.random() < worded:
        if chance.random() < placed:
            place = chance.choice(tuple(PLACES))
            size = "small" if chance.random() < _SMALL_AND_PLACED else ""
        else:
            size = chance.choice(SIZES)
    return Scene(shape=shape, colour=colour, background=background, size=size, place=place)


def draw_caption(chance: random.Random, scene: Scene) -> str:
    """The scene in words, in one of the four templates."""
    first = chance.random() < _FIRST_TEMPLATE_SHARE
    return caption(scene, TEMPLATES[0] if first else chance.choice(TEMPLATES[1:]))


def caption(scene: Scene, template: str = TEMPLATES[0]) -> str:
    """The scene in the words of `template`."""
    words = " ".join(word for word in (scene.size, scene.colour, scene.shape) if word)
    subject = words + _where(scene.place)
    return template.format(
        subject=subject,
        a_subject=f"{_article(subject)} {subject}",
        background=scene.background,
        a_background=f"{_article(scene.background)} {scene.background}",
    )


def _where(place: str) -> str:
    if not place:
        return ""
    if place in {"left", "right"}:
        return f" on the {place}"
    return f" in the {place}" if place == "center" else f" at the {place}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
