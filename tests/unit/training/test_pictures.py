"""The training pictures: areas, places, colours and edges follow from geometry."""

import math

import pytest
import torch

from app.training.demo_model.captions import COLOURS, PLACES, SEEN, SHAPES, Scene, draw_scene, repeatable
from app.training.demo_model.latents import DefinedLatents
from app.training.demo_model.pictures import Layout, coverage, draw_layout, draw_pictures

SIDE = 256
STAR_AREA = 5 * 1.12 * 0.56 * math.sin(math.pi / 5)  # ten triangles of two radii and an angle of 36 degrees


def layout(shape: str, x: float = 0.0, y: float = 0.0, radius: float = 0.5) -> Layout:
    return Layout(shape=shape, x=x, y=y, radius=radius)


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        ("circle", math.pi),
        ("square", 1.7**2),
        ("triangle", 3 * math.sqrt(3) / 4 * 1.15**2),
        ("star", STAR_AREA),
    ],
)
@pytest.mark.parametrize("radius", [0.3, 0.6])
def test_shape_covers_its_area(shape: str, area: float, radius: float) -> None:
    covered = coverage([layout(shape, radius=radius)], SIDE).sum() / (SIDE / 2) ** 2
    assert float(covered) == pytest.approx(area * radius**2, rel=0.01)


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_is_its_own_mirror_image(shape: str) -> None:
    covered = coverage([layout(shape)], SIDE)[0]
    torch.testing.assert_close(covered, covered.flip(1), atol=1e-4, rtol=0)


def test_star_has_five_tips_and_the_first_points_up() -> None:
    covered = coverage([layout("star")], SIDE)[0]
    angles = torch.arange(3600) * (2 * math.pi / 3600)
    rows = (SIDE / 2 - 0.5 * SIDE / 2 * torch.cos(angles)).long()  # a ring between notches and tips
    columns = (SIDE / 2 + 0.5 * SIDE / 2 * torch.sin(angles)).long()
    inside = (covered[rows, columns] > 0.5).int()
    assert int((inside.diff(append=inside[:1]) == 1).sum()) == 5
    assert inside[0] == 1


def test_moving_a_shape_by_whole_pixels_moves_the_picture() -> None:
    still, moved = coverage([layout("triangle"), layout("triangle", x=16 / SIDE, y=-8 / SIDE)], SIDE)
    torch.testing.assert_close(moved, still.roll((-4, 8), (0, 1)), atol=1e-4, rtol=0)


def test_picture_has_exactly_the_two_colours_away_from_the_edge() -> None:
    scene = Scene(shape="circle", colour="orange", background="purple")
    picture = (draw_pictures([scene], [layout("circle")], 64)[0] + 1) * 127.5
    torch.testing.assert_close(picture[:, 32, 32], torch.tensor(COLOURS["orange"]).float())
    torch.testing.assert_close(picture[:, 0, 0], torch.tensor(COLOURS["purple"]).float())


def test_edges_are_smooth() -> None:
    covered = coverage([layout("circle")], 64)
    between = ((covered > 0.02) & (covered < 0.98)).sum()
    assert 0.5 * 2 * math.pi * 16 < int(between) < 2 * 2 * math.pi * 16  # about one pixel along the outline


def test_every_shape_stays_inside_the_picture() -> None:
    chance = repeatable(8)
    scenes = [draw_scene(chance, SEEN, 0.7) for _ in range(800)]
    covered = coverage([draw_layout(chance, scene) for scene in scenes], 64)
    assert float(covered[:, [0, -1], :].max()) == 0
    assert float(covered[:, :, [0, -1]].max()) == 0


@pytest.mark.parametrize("place", PLACES)
def test_place_words_choose_the_ninth_of_the_picture(place: str) -> None:
    chance = repeatable(9)
    scene = Scene(shape="circle", colour="red", background="blue", place=place)
    step_x, step_y = PLACES[place]
    for drawn in (draw_layout(chance, scene) for _ in range(50)):
        assert drawn.x == pytest.approx(0.42 * step_x, abs=0.031)
        assert drawn.y == pytest.approx(0.42 * step_y, abs=0.031)


def test_size_words_are_told_apart_by_radius() -> None:
    chance = repeatable(10)
    radii = {
        size: [
            draw_layout(chance, Scene(shape="star", colour="red", background="blue", size=size)).radius
            for _ in range(100)
        ]
        for size in ("small", "", "large")
    }
    assert max(radii["small"]) < 0.4 < min(radii[""])
    assert max(radii[""]) < 0.7 < min(radii["large"])


def test_latents_are_mean_colours_and_a_vertical_step() -> None:
    upper_white = torch.full((1, 3, 8, 8), -1.0)
    upper_white[:, :, :4] = 1.0
    defined = DefinedLatents()
    raw = defined(upper_white) * defined.std + defined.mean
    torch.testing.assert_close(raw.flatten(), torch.tensor([0.0, 0.0, 0.0, 2.0]), atol=1e-5, rtol=0)


def test_preview_colours_turn_latents_back_into_mean_colours() -> None:
    scene = Scene(shape="square", colour="yellow", background="black")
    pictures = draw_pictures([scene], [layout("square")], 64)
    defined = DefinedLatents()
    colours = defined.preview_colours()
    factors, bias = torch.tensor(colours["factors"]), torch.tensor(colours["bias"])
    shown = torch.einsum("nchw,cr->nrhw", defined(pictures), factors) + bias.view(1, 3, 1, 1)
    torch.testing.assert_close(shown, torch.nn.functional.avg_pool2d(pictures, 8), atol=1e-5, rtol=0)
