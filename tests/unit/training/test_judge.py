"""The judge is right about true pictures, and notices every kind of mistake."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from app.training.demo_model.captions import HELD_OUT, SEEN, Scene, draw_scene, repeatable
from app.training.demo_model.judge import judge, look
from app.training.demo_model.pictures import Layout, draw_layout, draw_pictures

TRUE = Scene(shape="star", colour="green", background="white", place="top left")


def painted(scene: Scene, layout: Layout) -> Tensor:
    return (draw_pictures([scene], [layout], 128)[0].movedim(0, -1) + 1) / 2


def at(x: float, y: float, radius: float = 0.4) -> Layout:
    return Layout(shape="star", x=x, y=y, radius=radius)


def test_true_pictures_are_all_right() -> None:
    chance = repeatable(6)
    scenes = [draw_scene(chance, SEEN + HELD_OUT, 0.5) for _ in range(60)]
    for scene in scenes:
        verdict = judge(painted(scene, draw_layout(chance, scene)), scene)
        assert verdict.whole, scene
        assert verdict.similar, scene
        assert verdict.size is not False, scene
        assert verdict.place is not False, scene


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (replace(TRUE, background="yellow"), {"background"}),
        (replace(TRUE, colour="blue"), {"colour"}),
        (replace(TRUE, shape="triangle"), {"shape", "similar"}),
        (replace(TRUE, place="top"), {"place"}),
        (replace(TRUE, place="left"), {"place"}),
        (replace(TRUE, place="", size="large"), {"size"}),
        (TRUE, set[str]()),
    ],
)
def test_each_mistake_is_noticed_and_no_other(asked: Scene, wrong: set[str]) -> None:
    verdict = judge(painted(TRUE, at(-0.42, -0.42)), asked)
    names = ("background", "colour", "shape", "similar", "size", "place")
    assert {name for name in names if getattr(verdict, name) is False} == wrong


def test_place_and_size_are_judged_only_when_asked_for() -> None:
    verdict = judge(painted(TRUE, at(0, 0)), replace(TRUE, place=""))
    assert verdict.size is None
    assert verdict.place is None


def test_the_judge_sees_where_and_how_large_a_shape_is() -> None:
    sight = look(painted(TRUE, at(0.25, -0.125, 0.5)))
    assert (sight.x, sight.y) == pytest.approx((0.25, -0.125), abs=0.02)
    assert sight.radius == pytest.approx(0.5, abs=0.02)
    assert sight.overlap > 0.95


def test_an_empty_picture_shows_no_shape() -> None:
    assert look(torch.full((128, 128, 3), 0.5)).overlap < 0.5


def test_noise_does_not_pass_for_a_shape() -> None:
    noise = torch.rand(128, 128, 3, generator=torch.Generator().manual_seed(1))
    assert not judge(noise, TRUE).similar


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="128x128"):
        look(torch.zeros(64, 64, 3))
