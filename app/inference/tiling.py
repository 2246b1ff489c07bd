"""Runs a function over pictures tile by tile and blends the results; VAEs and upscale models call it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

OnTile: TypeAlias = Callable[[int, int], None]
"""Hears of every finished tile: (tiles done, tiles in all). May raise to stop the work."""

OnPicture: TypeAlias = Callable[[Tensor], Tensor]
"""What is to be done with a tile: [1, C, h, w] to [1, C', scale * h, scale * w], on any device."""


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How a picture is cut: tiles of `height` x `width` elements that share `overlap` with their neighbours.

    A side that is not longer than its tile is not cut. `overlap` is smaller than both sides of a tile.
    """

    height: int
    width: int
    overlap: int

    def windows(self, height: int, width: int) -> list[tuple[slice, slice]]:
        """Rows and columns of every tile of a `height` x `width` picture."""
        rows = list(_spans(height, self.height, self.overlap))
        columns = list(_spans(width, self.width, self.overlap))
        return [(each, other) for each in rows for other in columns]


def three_tilings(tile: int, overlap: int) -> tuple[Tiling, ...]:
    """Tall, wide and square tiles: the average of their results shows no seams where only one has them.

    `overlap` is less than half of `tile`.
    """
    sides = ((tile * 2, tile // 2), (tile // 2, tile * 2), (tile, tile))
    return tuple(Tiling(height=height, width=width, overlap=overlap) for height, width in sides)


def run_tiled(
    function: OnPicture,
    pictures: Tensor,
    tilings: Sequence[Tiling],
    *,
    scale: float,
    on_tile: OnTile | None = None,
) -> Tensor:
    """What `function` makes of `pictures` [B, C, H, W], tile by tile: float32 [B, C', scale*H, scale*W].

    The results of a tiling are blended, each weighted by linear ramps along its four edges as wide as the
    overlap; those of several tilings are averaged. A picture that is one tile goes through unchanged. The
    result lies on the CPU.
    """
    function = _counted(function, _tile_count(pictures, tilings), on_tile)
    total = _blended(function, pictures, tilings[0], scale)
    for tiling in tilings[1:]:
        total += _blended(function, pictures, tiling, scale)
    return total.div_(len(tilings))


def _tile_count(pictures: Tensor, tilings: Sequence[Tiling]) -> int:
    height, width = pictures.shape[-2:]
    return len(pictures) * sum(len(each.windows(height, width)) for each in tilings)


def _counted(function: OnPicture, total: int, on_tile: OnTile | None) -> OnPicture:
    """The function with a report after each call, its result in float32 on the CPU."""
    done = 0

    def counted(tile: Tensor) -> Tensor:
        nonlocal done
        result = function(tile).float().cpu()
        done += 1
        if on_tile is not None:
            on_tile(done, total)
        return result

    return counted


def _blended(function: OnPicture, pictures: Tensor, tiling: Tiling, scale: float) -> Tensor:
    windows = tiling.windows(*pictures.shape[-2:])
    if len(windows) == 1:
        return torch.cat([function(each[None]) for each in pictures])
    return torch.cat([_blend(function, each[None], tiling, scale) for each in pictures])


def _blend(function: OnPicture, picture: Tensor, tiling: Tiling, scale: float) -> Tensor:
    """One picture of several tiles: weighted results over the sum of weights."""
    height, width = (round(side * scale) for side in picture.shape[-2:])
    total, weights = torch.zeros(1, 1, height, width), torch.zeros(1, 1, height, width)
    for rows, columns in tiling.windows(*picture.shape[-2:]):
        tile = function(picture[..., rows, columns])
        if total.shape[1] != tile.shape[1]:  # the first tile tells how many channels there are
            total = torch.zeros(1, tile.shape[1], height, width)
        ramps = _ramps(tile.shape[-2], tile.shape[-1], round(scale * tiling.overlap))
        place = (..., _scaled(rows, tile.shape[-2], scale), _scaled(columns, tile.shape[-1], scale))
        total[place] += tile * ramps
        weights[place] += ramps
    return total.div_(weights)


def _spans(length: int, tile: int, overlap: int) -> Iterator[slice]:
    """Where tiles lie along one side; the last one may be shorter."""
    if length <= tile:
        yield slice(0, length)
        return
    for start in range(0, length - overlap, tile - overlap):
        yield slice(start, min(start + tile, length))


def _scaled(window: slice, length: int, scale: float) -> slice:
    start = round(window.start * scale)
    return slice(start, start + length)


def _ramps(height: int, width: int, feather: int) -> Tensor:
    """Weights [1, 1, height, width] in 1/feather..1 at each edge; a side too short for its ramps has none."""
    rows, columns = _ramp(height, feather), _ramp(width, feather)
    return (rows[:, None] * columns[None, :])[None, None]


def _ramp(length: int, feather: int) -> Tensor:
    ramp = torch.ones(length)
    if 0 < feather < length:
        rising = torch.arange(1, feather + 1) / feather
        ramp[:feather] *= rising
        ramp[-feather:] *= rising.flip(0)
    return ramp
