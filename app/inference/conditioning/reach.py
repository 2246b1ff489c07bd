"""Where conditioning entries act: areas in cells, masks in latent size, weights; guidance asks."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from app.inference.conditioning.area import Area, AreaShare
from app.inference.conditioning.entry import CondEntry
from app.inference.types import Latent

SMALLEST_BOUNDS = 8  # cells; a mask's bounding box is never smaller
CELL = 8  # pixels
FEATHER = 8  # cells over which an area fades into its surroundings


class AreaOutside(ValueError):
    """An area begins beyond the picture's edge."""

    code = "area_outside"

    def __init__(self, area: Area, height: int, width: int) -> None:
        super().__init__(
            f"An area begins at x = {area.x * CELL}, y = {area.y * CELL}, but the picture is only "
            f"{width * CELL} x {height * CELL} pixels: move the area or make the picture larger."
        )


def resolved(entry: CondEntry, height: int, width: int) -> CondEntry:
    """The entry with its area in cells and its mask [B, h8, w8] at the latent's size.

    Raises AreaOutside when nothing of the area is in the picture.
    """
    area, mask = entry.area, entry.mask
    if isinstance(area, AreaShare):
        area = _in_cells(area, height, width)
    if mask is not None:
        mask = _fitted_mask(mask, height, width)
        if entry.mask_bounds:
            area = _bounds(mask)
    if area is not None:
        area = _clipped(area, height, width)
    return replace(entry, area=area, mask=mask)


def cropped(x: Tensor, area: Area | AreaShare | None) -> Tensor:
    """The part [..., height, width] of `x` that the area covers."""
    if not isinstance(area, Area):
        return x
    return x[..., area.y : area.y + area.height, area.x : area.x + area.width]


def encloses(outer: Area | AreaShare | None, inner: Area) -> bool:
    """Whether an entry's area covers all of `inner`; none at all covers everything."""
    if not isinstance(outer, Area):
        return True
    return (
        outer.y <= inner.y
        and outer.x <= inner.x
        and outer.y + outer.height >= inner.y + inner.height
        and outer.x + outer.width >= inner.x + inner.width
    )


def size_of(area: Area | AreaShare | None, height: int, width: int) -> int:
    """Cells that an entry covers."""
    return area.height * area.width if isinstance(area, Area) else height * width


def weight_map(entry: CondEntry, x: Latent) -> Tensor:
    """How much a resolved entry counts at each place of its area: [B, C, height, width] of `x`'s area.

    A mask counts as it is; without one the area fades towards its edges, except at those of the picture.
    """
    shown = cropped(x, entry.area)
    if entry.mask is not None:
        mask = cropped(entry.mask.to(x.device), entry.area)[:, None] * (entry.mask_strength * entry.strength)
        repeats = -(-len(x) // len(mask))
        return mask.repeat(repeats, 1, 1, 1)[: len(x)].expand_as(shown)
    weights = torch.full_like(shown, entry.strength)
    if isinstance(entry.area, Area):
        _feather(weights, entry.area, x.shape[-2], x.shape[-1])
    return weights


def _feather(weights: Tensor, area: Area, height: int, width: int) -> None:
    rows, columns = min(FEATHER, area.height // 4), min(FEATHER, area.width // 4)
    for k in range(rows):
        if area.y > 0:
            weights[:, :, k, :] *= (k + 1) / rows
        if area.y + area.height < height:
            weights[:, :, area.height - 1 - k, :] *= (k + 1) / rows
    for k in range(columns):
        if area.x > 0:
            weights[:, :, :, k] *= (k + 1) / columns
        if area.x + area.width < width:
            weights[:, :, :, area.width - 1 - k] *= (k + 1) / columns


def _in_cells(share: AreaShare, height: int, width: int) -> Area:
    return Area(
        height=max(1, round(share.height * height)),
        width=max(1, round(share.width * width)),
        y=round(share.y * height),
        x=round(share.x * width),
    )


def _clipped(area: Area, height: int, width: int) -> Area:
    if area.y >= height or area.x >= width:
        raise AreaOutside(area, height, width)
    return replace(area, height=min(area.height, height - area.y), width=min(area.width, width - area.x))


def _fitted_mask(mask: Tensor, height: int, width: int) -> Tensor:
    mask = mask.reshape(-1, *mask.shape[-2:]).float()
    if tuple(mask.shape[-2:]) == (height, width):
        return mask
    return interpolate(mask[:, None], size=(height, width), mode="bilinear")[:, 0]


def _bounds(mask: Tensor) -> Area:
    """The smallest rectangle with everything that is not 0, at least 8 by 8."""
    used = (mask != 0).any(dim=0)
    if not used.any():
        return Area(height=SMALLEST_BOUNDS, width=SMALLEST_BOUNDS, y=0, x=0)
    rows, columns = used.any(dim=1).nonzero().flatten(), used.any(dim=0).nonzero().flatten()
    top, bottom = int(rows[0]), int(rows[-1])
    left, right = int(columns[0]), int(columns[-1])
    return Area(
        height=max(SMALLEST_BOUNDS, bottom - top + 1),
        width=max(SMALLEST_BOUNDS, right - left + 1),
        y=top,
        x=left,
    )
