"""Self-attention within tiles of the picture, which is faster on large ones; the HyperTile node adds it.

The idea of tfernd's HyperTile; which tokens meet is what people's pictures depend on. Queries are cut into
two-dimensional tiles; keys and values into as many runs of consecutive tokens, and tile t attends to run t.
For latents that are not square the grid has its sides exchanged.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.hooks.network import (
    Attend,
    NetworkCall,
    NetworkHooks,
    Place,
)

CELL = 8  # pixels per latent cell
SMALLEST_TILE = 32  # pixels


@dataclass(frozen=True, slots=True)
class Tiling:
    """A grid of `height` x `width` tokens in `rows` x `columns` tiles."""

    height: int
    width: int
    rows: int
    columns: int

    @property
    def count(self) -> int:
        """Number of tiles."""
        return self.rows * self.columns

    def cut(self, tokens: Tensor) -> Tensor:
        """[B, height * width, C] -> [B * count, tokens of a tile, C], tiles of a picture side by side."""
        height, width = self.height // self.rows, self.width // self.columns
        grid = tokens.view(len(tokens), self.rows, height, self.columns, width, -1)
        return grid.transpose(2, 3).reshape(len(tokens) * self.count, height * width, -1)

    def join(self, tiles: Tensor) -> Tensor:
        """Undo `cut`."""
        height, width = self.height // self.rows, self.width // self.columns
        grid = tiles.view(-1, self.rows, self.columns, height, width, tiles.shape[-1])
        return grid.transpose(2, 3).reshape(-1, self.height * self.width, tiles.shape[-1])

    def runs(self, tokens: Tensor) -> Tensor:
        """[B, height * width, C] as `count` runs of consecutive tokens."""
        return tokens.reshape(len(tokens) * self.count, -1, tokens.shape[-1])


def hyper_tile(tile_size: int, swap_size: int, max_depth: int, *, scale_depth: bool) -> NetworkHooks:
    """Tile self-attentions down to `max_depth` halvings of the latent.

    Tiles have at least `tile_size` pixels, doubled with every halving if `scale_depth`. Of the `swap_size`
    smallest grids that fit one is drawn from the global generator at every attention, rows before columns.
    """

    def around(
        attend: Attend, query: Tensor, key: Tensor, value: Tensor, place: Place, call: NetworkCall
    ) -> Tensor:
        depth = _depth(query.shape[1], call, max_depth) if place.kind == "self" else None
        if depth is None:
            return attend(query, key, value)
        smallest = max(SMALLEST_TILE, tile_size) // CELL * (2**depth if scale_depth else 1)
        tiling = _drawn_tiling(query.shape[1], call.width / call.height, smallest, swap_size)
        if tiling.count == 1:
            return attend(query, key, value)
        return tiling.join(attend(tiling.cut(query), tiling.runs(key), tiling.runs(value)))

    return NetworkHooks(around_attention=(around,))


def _depth(tokens: int, call: NetworkCall, max_depth: int) -> int | None:
    """How often the latent was halved to have so many tokens; None beyond `max_depth` or at other sizes."""
    cells = call.height * call.width
    return next((depth for depth in range(max_depth + 1) if tokens * 4**depth == cells), None)


def _drawn_tiling(tokens: int, aspect: float, smallest: int, swap_size: int) -> Tiling:
    height, width = round((tokens * aspect) ** 0.5), round((tokens / aspect) ** 0.5)
    rows = _drawn_count(height, smallest, swap_size)
    columns = _drawn_count(width, smallest, swap_size)
    return Tiling(height, width, rows, columns)


def _drawn_count(side: int, smallest: int, swap_size: int) -> int:
    """How many tiles lie along a side; the last of the candidates is never drawn."""
    sizes = [size for size in range(min(smallest, side), side + 1) if side % size == 0][:swap_size]
    drawn = int(torch.randint(0, len(sizes) - 1, (1,))) if len(sizes) > 1 else 0
    return side // sizes[drawn]
