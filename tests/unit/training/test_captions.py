"""What the demo model is asked for: words, grammar, and what is kept out of the training."""

from collections import Counter
from itertools import combinations

import pytest

from app.inference.text.tokenizer import encode_words
from app.training.demo_model.captions import (
    COLOURS,
    HELD_OUT,
    SEEN,
    SHAPES,
    TEMPLATES,
    Scene,
    caption,
    draw_caption,
    draw_scene,
    repeatable,
)
from app.training.demo_model.words import compact_ids, used_tokens


def test_training_never_draws_a_held_out_combination() -> None:
    chance = repeatable(3)
    drawn = {draw_scene(chance, SEEN, 0.3).combination for _ in range(20_000)}
    assert drawn == set(SEEN)
    assert drawn.isdisjoint(HELD_OUT)


def test_seen_and_held_out_combinations_are_all_there_are() -> None:
    assert len(SEEN) == 200
    assert len(HELD_OUT) == len(set(HELD_OUT)) == 24
    assert len(set(SEEN) | set(HELD_OUT)) == len(SHAPES) * len(COLOURS) * (len(COLOURS) - 1)


@pytest.mark.parametrize("pair", list(combinations(range(3), 2)))
def test_every_pair_of_words_is_trained_with_several_partners(pair: tuple[int, int]) -> None:
    every = {tuple(entry[i] for i in pair) for entry in (*SEEN, *HELD_OUT)}
    seen = Counter(tuple(entry[i] for i in pair) for entry in SEEN)
    assert set(seen) == every
    assert min(seen.values()) >= 3


@pytest.mark.parametrize(
    ("scene", "template", "text"),
    [
        (Scene(shape="circle", colour="red", background="blue"), 0, "a red circle on a blue background"),
        (Scene(shape="star", colour="orange", background="white"), 0, "an orange star on a white background"),
        (Scene(shape="star", colour="green", background="orange"), 0, "a green star on an orange background"),
        (Scene(shape="square", colour="black", background="red"), 1, "black square on red background"),
        (Scene(shape="square", colour="black", background="red"), 2, "a black square, red background"),
        (Scene(shape="square", colour="black", background="red"), 3, "black square, red background"),
        (
            Scene(shape="square", colour="orange", background="red", size="small"),
            0,
            "a small orange square on a red background",
        ),
        (
            Scene(shape="star", colour="orange", background="red", place="top left"),
            0,
            "an orange star at the top left on a red background",
        ),
        (
            Scene(shape="star", colour="white", background="red", place="left"),
            1,
            "white star on the left on red",
        ),
        (
            Scene(shape="star", colour="white", background="red", place="center"),
            3,
            "white star in the center,",
        ),
    ],
)
def test_caption_reads_as_a_person_would_write_it(scene: Scene, template: int, text: str) -> None:
    assert caption(scene, TEMPLATES[template]).startswith(text)


def test_half_of_the_captions_are_the_natural_sentence() -> None:
    chance = repeatable(4)
    scene = Scene(shape="circle", colour="red", background="blue")
    drawn = Counter(draw_caption(chance, scene) for _ in range(4000))
    assert len(drawn) == len(TEMPLATES)
    assert drawn["a red circle on a blue background"] == pytest.approx(2000, abs=150)


def test_compact_ids_stand_for_clip_s_own_ids() -> None:
    text = "a green star at the top left on a white background"
    ids = [used_tokens()[place] for place in compact_ids(text)]
    words = encode_words(text)
    assert ids == [49406, *words, *[49407] * (76 - len(words))]


def test_every_caption_can_be_said_in_the_trained_words() -> None:
    chance = repeatable(5)
    for _ in range(500):
        assert len(compact_ids(draw_caption(chance, draw_scene(chance, SEEN + HELD_OUT, 0.5)))) == 77
