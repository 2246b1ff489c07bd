"""Draws the training pictures: one anti-aliased shape on a plain background; training and the judge use it.

Lengths are in units of half the picture's width; x grows to the right, y downwards, the centre is 0.
"""

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from app.training.demo_model.captions import COLOURS, PLACES, SHAPES, Scene

_SQUARE_HALF = 0.85  # half a side, per radius
_TRIANGLE_CORNER = 1.15  # centre to corner
_TRIANGLE_SHIFT = 0.2875  # moves the triangle down until its box is centred: a quarter of the above
_STAR_TIP = 1.12
_STAR_NOTCH = 0.5  # inner corners, per tip
PLACE_STEP = 0.42
MEDIUM, SMALL, LARGE = (0.5, 0.66), (0.28, 0.36), (0.72, 0.78)
PLACED, PLACED_SMALL = (0.34, 0.41), (0.27, 0.33)
JITTER = 0.08
_TIGHT_JITTER = 0.03  # for large shapes and named places


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where a shape stands and how large it is."""

    shape: str
    x: float
    y: float
    radius: float


def draw_layout(chance: random.Random, scene: Scene, medium: tuple[float, float] = MEDIUM) -> Layout:
    """A random position and radius that agree with the scene's words; `medium` where it says nothing."""
    step_x, step_y = PLACES.get(scene.place, (0, 0))
    if scene.place:
        radii = PLACED_SMALL if scene.size == "small" else PLACED
    else:
        radii = {"": medium, "small": SMALL, "large": LARGE}[scene.size]
    jitter = _TIGHT_JITTER if scene.place or scene.size == "large" else JITTER
    return Layout(
        shape=scene.shape,
        x=step_x * PLACE_STEP + chance.uniform(-jitter, jitter),
        y=step_y * PLACE_STEP + chance.uniform(-jitter, jitter),
        radius=chance.uniform(*radii),
    )


def draw_pictures(scenes: list[Scene], layouts: list[Layout], size: int) -> Tensor:
    """Pictures float32 [N, 3, size, size], -1..1."""
    inside = coverage(layouts, size)[:, None]
    front = _rgb([scene.colour for scene in scenes])
    back = _rgb([scene.background for scene in scenes])
    return back + inside * (front - back)


def coverage(layouts: list[Layout], size: int) -> Tensor:
    """How much of each pixel the shape covers: float32 [N, size, size], 0..1."""
    return (0.5 - signed_distance(layouts, size) * (size / 2)).clamp(0, 1)


def signed_distance(layouts: list[Layout], size: int) -> Tensor:
    """Distance of each pixel's centre to the shape's outline, negative inside: float32 [N, size, size].

    Regular polygons and stars are one line seen in many mirrors: the angle is folded into half of one
    sector, where the outline is straight. Outside, beyond a corner, the line's distance is too short.
    """
    kinds = [_OUTLINES[layout.shape] for layout in layouts]
    sectors, turn, along, across, reach, shift = (
        torch.tensor(column).view(-1, 1, 1) for column in zip(*kinds, strict=True)
    )
    x0, y0, radius = (
        torch.tensor([getattr(layout, name) for layout in layouts]).view(-1, 1, 1)
        for name in ("x", "y", "radius")
    )
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    x, y = axis.view(1, 1, -1) - x0, axis.view(1, -1, 1) - y0 - shift * radius
    rho = torch.sqrt(x * x + y * y)
    sector = 2 * math.pi / sectors
    folded = (torch.remainder(torch.atan2(y, x) - turn + sector / 2, sector) - sector / 2).abs()
    line = rho * (along * torch.cos(folded) + across * torch.sin(folded)) - reach * radius
    is_circle = torch.tensor([layout.shape == "circle" for layout in layouts]).view(-1, 1, 1)
    return torch.where(is_circle, rho - radius, line)


def _star_edge() -> tuple[float, float, float]:
    """Normal (along, across) and distance of the line from a tip to its neighbouring inner corner."""
    corner_x, corner_y = (_STAR_NOTCH * f(math.pi / 5) * _STAR_TIP for f in (math.cos, math.sin))
    length = math.hypot(_STAR_TIP - corner_x, corner_y)
    along, across = corner_y / length, (_STAR_TIP - corner_x) / length
    return along, across, along * _STAR_TIP


# sectors, direction of the first mirror, normal of the edge in it, distance of the edge, shift downwards
_OUTLINES: dict[str, tuple[float, float, float, float, float, float]] = {
    "circle": (1.0, 0.0, 1.0, 0.0, 1.0, 0.0),
    "square": (4.0, 0.0, 1.0, 0.0, _SQUARE_HALF, 0.0),
    "triangle": (3.0, math.pi / 2, 1.0, 0.0, _TRIANGLE_CORNER / 2, _TRIANGLE_SHIFT),
    "star": (5.0, -math.pi / 2, *_star_edge(), 0.0),
}
if tuple(_OUTLINES) != SHAPES:
    raise AssertionError("Every shape of the captions needs an outline here.")


def _rgb(names: list[str]) -> Tensor:
    return (torch.tensor([COLOURS[name] for name in names]) / 127.5 - 1).view(-1, 3, 1, 1)
