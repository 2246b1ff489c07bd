"""Dilates and erodes pictures and masks; morphology, mask and inpainting nodes call it.

Grey morphology with flat windows, Serra 1982: what lies outside a picture does not count.
"""

from collections.abc import Callable, Mapping

from torch import Tensor, maximum
from torch.nn.functional import pad

from app.inference.pictures.images import Image
from app.inference.types import Mask


def dilate(planes: Tensor, side: int) -> Tensor:
    """The largest value in a square window of `side`, over the last two axes.

    The window reaches `side // 2` to the left and upwards, the rest to the right and downwards.
    """
    for axis in (-1, -2):
        planes = _window_maximum(planes.movedim(axis, -1), side).movedim(-1, axis)
    return planes


def erode(planes: Tensor, side: int) -> Tensor:
    """The smallest value in the window of `dilate`."""
    return -dilate(-planes, side)


def morph(image: Image, operation: str, side: int) -> Image:
    """One of `OPERATIONS` on every channel of a picture."""
    return OPERATIONS[operation](image.movedim(-1, 1), side).movedim(1, -1)


OPERATIONS: Mapping[str, Callable[[Tensor, int], Tensor]] = {
    "erode": erode,
    "dilate": dilate,
    "open": lambda x, side: dilate(erode(x, side), side),
    "close": lambda x, side: erode(dilate(x, side), side),
    "gradient": lambda x, side: dilate(x, side) - erode(x, side),
    "bottom_hat": lambda x, side: erode(dilate(x, side), side) - x,
    "top_hat": lambda x, side: x - dilate(erode(x, side), side),
}
"""By name, in the order of the menu."""


def grow(mask: Mask, steps: int, *, round_corners: bool) -> Mask:
    """`mask` [B, H, W] larger by `steps` pixels to every side, smaller for negative ones.

    With `round_corners` a point grows to a diamond, else to a square.
    """
    if not round_corners:
        side = 2 * abs(steps) + 1
        return dilate(mask, side) if steps > 0 else erode(mask, side)
    grown = mask if steps > 0 else -mask
    for _ in range(abs(steps)):
        before, grown = grown, _cross_maximum(grown)
        if before.equal(grown):
            break
    return grown if steps > 0 else -grown


def _window_maximum(rows: Tensor, side: int) -> Tensor:
    """Sliding maximum along the last axis: windows of 1, 2, 4, ... values, then two of them overlapping."""
    before = side // 2
    rows = pad(rows, (before, side - 1 - before), value=float("-inf"))
    length = 1
    while 2 * length <= side:
        rows = maximum(rows[..., :-length], rows[..., length:])
        length *= 2
    rest = side - length
    return maximum(rows[..., : rows.shape[-1] - rest], rows[..., rest:])


def _cross_maximum(planes: Tensor) -> Tensor:
    grown = planes.clone()
    for axis in (-1, -2):
        ours, seen = grown.movedim(axis, -1), planes.movedim(axis, -1)
        ours[..., 1:] = maximum(ours[..., 1:], seen[..., :-1])
        ours[..., :-1] = maximum(ours[..., :-1], seen[..., 1:])
    return grown
