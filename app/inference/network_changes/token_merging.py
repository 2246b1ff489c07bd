"""Self-attention over fewer queries by averaging alike ones, which is faster; TomePatchModel adds it.

Bolya and Hoffman 2023, "Token Merging for Fast Stable Diffusion".
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from app.inference.hooks.network import (
    Attend,
    NetworkCall,
    NetworkHooks,
    Place,
)

STRIDE = 2  # in every cell of 2 x 2 tokens one takes the others in


@dataclass(frozen=True, slots=True, eq=False)
class Merging:
    """Which tokens of a picture stay and which are averaged into others.

    `sources` [S] and `destinations` [D] number the tokens; of the sources `merged` [B, R] are averaged into
    the destinations `into` [B, R] and `kept` [B, S - R] stay, all given by their place in those lists.
    """

    sources: Tensor
    destinations: Tensor
    merged: Tensor
    kept: Tensor
    into: Tensor

    def merge(self, tokens: Tensor) -> Tensor:
        """[B, N, C] -> [B, N - R, C]: first the sources that stay, then the destinations."""
        sources, destinations = tokens[:, self.sources], tokens[:, self.destinations]
        given = _gather(sources, self.merged)
        index = self.into[..., None].expand_as(given)
        return torch.cat(
            [_gather(sources, self.kept), destinations.scatter_reduce(1, index, given, reduce="mean")], dim=1
        )

    def unmerge(self, tokens: Tensor) -> Tensor:
        """[B, N - R, C] -> [B, N, C]: merged tokens get what their destination has."""
        kept, destinations = tokens.split([self.kept.shape[1], len(self.destinations)], dim=1)
        whole = tokens.new_empty(len(tokens), len(self.sources) + len(self.destinations), tokens.shape[-1])
        whole[:, self.destinations] = destinations
        _scatter(whole, self.sources[self.kept], kept)
        _scatter(whole, self.sources[self.merged], _gather(destinations, self.into))
        return whole


def token_merging(ratio: float) -> NetworkHooks:
    """Merge the share `ratio` (0..1) of the queries of self-attentions at full resolution.

    Where tokens go is drawn from the global generator at every attention.
    """

    def around(
        attend: Attend, query: Tensor, key: Tensor, value: Tensor, place: Place, call: NetworkCall
    ) -> Tensor:
        if place.kind != "self" or query.shape[1] != call.height * call.width:
            return attend(query, key, value)
        merging = drawn_merging(query, call.height, call.width, ratio)
        if merging is None:
            return attend(query, key, value)
        return merging.unmerge(attend(merging.merge(query), key, value))

    return NetworkHooks(around_attention=(around,))


def drawn_merging(tokens: Tensor, height: int, width: int, ratio: float) -> Merging | None:
    """Match tokens [B, height * width, C] with destinations drawn at random; None where nothing can merge."""
    if min(height, width) < STRIDE:
        return None
    is_destination = _drawn_destinations(height, width)
    sources, destinations = (each.nonzero()[:, 0] for each in (~is_destination, is_destination))
    sources, destinations = sources.to(tokens.device), destinations.to(tokens.device)
    count = min(len(sources), int(tokens.shape[1] * ratio))
    directions = normalize(tokens, dim=-1)
    likeness = directions[:, sources] @ directions[:, destinations].transpose(-1, -2)
    best, nearest = likeness.max(dim=-1)
    order = best.argsort(dim=-1, descending=True, stable=True)
    merged, kept = order[:, :count], order[:, count:]
    return Merging(sources, destinations, merged, kept, nearest.gather(1, merged))


def _drawn_destinations(height: int, width: int) -> Tensor:
    """One token of every whole cell, the others of it and those beyond being sources: bool [N]."""
    rows, columns = height // STRIDE, width // STRIDE
    drawn = torch.randint(STRIDE * STRIDE, (rows, columns))
    cells = torch.nn.functional.one_hot(drawn, STRIDE * STRIDE).view(rows, columns, STRIDE, STRIDE)
    grid = torch.zeros(height, width, dtype=torch.bool)
    grid[: rows * STRIDE, : columns * STRIDE] = (
        cells.transpose(1, 2).reshape(rows * STRIDE, columns * STRIDE) > 0
    )
    return grid.flatten()


def _gather(tokens: Tensor, index: Tensor) -> Tensor:
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))


def _scatter(tokens: Tensor, index: Tensor, given: Tensor) -> None:
    tokens.scatter_(1, index[..., None].expand_as(given), given)
