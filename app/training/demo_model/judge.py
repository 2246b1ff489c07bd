"""Tells what a picture of the demo model shows: colours, shape, size, place; benchmark and tests use it.

It knows the palette and the four outlines, but not what was asked for.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from app.training.demo_model.captions import COLOURS, PLACES, SHAPES, Scene
from app.training.demo_model.pictures import PLACE_STEP, Layout, coverage

SIZE = 128
_RING = 6  # pixels at the border that count as background
_RADII = tuple(range(12, 61))  # of templates, in pixels
_AREA_TOLERANCE = 0.3  # templates whose area differs more from the mask's cannot fit best
_SMALL_BELOW, _LARGE_ABOVE = 0.43, 0.69  # radius in units of half the width: midway between the words
SIMILAR = 0.75
"""Overlap (intersection over union) from which a shape counts as well drawn."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is to be seen in a picture; `overlap` is that of the best fitting shape, 0..1."""

    background: str
    colour: str
    shape: str
    overlap: float
    radius: float
    x: float
    y: float

    @property
    def size(self) -> str:
        """The size word that fits; empty for a medium one."""
        if self.radius < _SMALL_BELOW:
            return "small"
        return "large" if self.radius > _LARGE_ABOVE else ""

    def stands_at(self, place: str) -> bool:
        """Whether the shape's centre is in the ninth of the picture that the place word means."""
        steps = PLACES[place]
        return all(
            abs(value - step * PLACE_STEP) < PLACE_STEP / 2
            for value, step in zip((self.x, self.y), steps, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was right in one picture. `size` and `place` are None when the caption has no such word."""

    background: bool
    colour: bool
    shape: bool
    similar: bool
    size: bool | None
    place: bool | None

    @property
    def whole(self) -> bool:
        """Colours and shape are all as asked for."""
        return self.background and self.colour and self.shape


def judge(picture: Tensor, scene: Scene) -> Verdict:
    """Compare a picture float32 [128, 128, 3], 0..1, with what was asked for.

    `similar` needs the asked shape; its overlap is measured at the best place and size.
    """
    sight = look(picture)
    overlap = sight.overlap if sight.shape == scene.shape else 0.0
    return Verdict(
        background=sight.background == scene.background,
        colour=sight.colour == scene.colour,
        shape=sight.shape == scene.shape,
        similar=overlap >= SIMILAR,
        size=sight.size == scene.size if scene.size and not scene.place else None,
        place=sight.stands_at(scene.place) if scene.place else None,
    )


def look(picture: Tensor) -> Sight:
    """What a picture float32 [128, 128, 3], 0..1, shows. Raises ValueError for other sizes."""
    if picture.shape != (SIZE, SIZE, 3):
        raise ValueError(f"The judge looks at pictures of {SIZE}x{SIZE} pixels, not {tuple(picture.shape)}.")
    background = _ring(picture).mean(0)
    distance = (picture - background).norm(dim=-1)
    mask = distance > torch.quantile(distance, 0.985) / 2
    colour = picture[mask].median(0).values if mask.any() else background
    shape, overlap, layout = _best_fit(mask)
    return Sight(
        background=_name(background),
        colour=_name(colour),
        shape=shape,
        overlap=overlap,
        radius=layout.radius,
        x=layout.x,
        y=layout.y,
    )


def _ring(picture: Tensor) -> Tensor:
    inner = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    inner[_RING:-_RING, _RING:-_RING] = True
    return picture[~inner]


def _name(colour: Tensor) -> str:
    """The palette's nearest colour."""
    palette = torch.tensor(list(COLOURS.values())) / 255
    return list(COLOURS)[int((palette - colour).norm(dim=-1).argmin())]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Template:
    layout: Layout
    area: float
    spectrum: Tensor


@cache
def _templates() -> tuple[_Template, ...]:
    """Every shape in every radius, centred, as a mask's conjugate spectrum."""
    made = []
    for shape in SHAPES:
        for radius in _RADII:
            layout = Layout(shape=shape, x=0.0, y=0.0, radius=radius / (SIZE / 2))
            filled = (coverage([layout], SIZE)[0] > 0.5).float()
            made.append(_Template(layout=layout, area=float(filled.sum()), spectrum=_spectrum(filled).conj()))
    return tuple(made)


def _best_fit(mask: Tensor) -> tuple[str, float, Layout]:
    """The shape, size and place that overlap the mask most: shape, overlap 0..1, layout.

    All whole-pixel shifts at once: the intersections are a cross-correlation, done with Fourier transforms.
    """
    area, spectrum = float(mask.sum()), _spectrum(mask.float())
    best: tuple[str, float, Layout] = (SHAPES[0], 0.0, Layout(shape=SHAPES[0], x=0.0, y=0.0, radius=0.0))
    for template in _templates():
        if abs(template.area - area) > _AREA_TOLERANCE * area:
            continue
        shared = torch.fft.irfft2(spectrum * template.spectrum, s=(2 * SIZE, 2 * SIZE))
        place = int(shared.argmax())
        overlap = float(shared.flatten()[place]) / (area + template.area - float(shared.flatten()[place]))
        if overlap > best[1]:
            shape, radius = template.layout.shape, template.layout.radius
            x, y = _shift(place % (2 * SIZE)), _shift(place // (2 * SIZE))
            best = shape, overlap, Layout(shape=shape, x=x, y=y, radius=radius)
    return best


def _shift(index: int) -> float:
    """Index of a cyclic shift to units of half the width."""
    return (index if index < SIZE else index - 2 * SIZE) / (SIZE / 2)


def _spectrum(mask: Tensor) -> Tensor:
    return torch.fft.rfft2(mask, s=(2 * SIZE, 2 * SIZE))
