"""Classifier-free guidance: positive and negative predictions become one; the sampling driver calls it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from app.inference.conditioning import CondEntry, Conditioning
from app.inference.types import Latent, Sigma, Tokens

Denoise: TypeAlias = Callable[[Latent, Sigma, Tokens], Latent]
"""One model call: `x` [B, C, h8, w8], scalar sigma, context [B, T, width] -> denoised, of the shape of x."""

MAX_TILING = 4  # longer repetitions of a short text cost more than a second call
NO_WEIGHT = 1e-37  # start of the counts, so that a place without any entry divides to 0


def guided(
    denoise: Denoise, x: Latent, sigma: Sigma, positive: Conditioning, negative: Conditioning, cfg: float
) -> Latent:
    """u + (c - u) * cfg with c and u the mean predictions of both sides; Ho and Salimans 2022.

    At cfg 1 the negative side cancels out and is not evaluated. `x` is in model space, any batch size.
    """
    if math.isclose(cfg, 1.0):
        return _means(denoise, x, sigma, (positive,))[0]
    conditional, unconditional = _means(denoise, x, sigma, (positive, negative))
    return unconditional + (conditional - unconditional) * cfg


@dataclass(frozen=True, slots=True)
class _Part:
    """An entry and the side it counts for."""

    entry: CondEntry
    side: int


def _means(denoise: Denoise, x: Latent, sigma: Sigma, sides: tuple[Conditioning, ...]) -> list[Latent]:
    """Weighted mean prediction of each side."""
    sums = [torch.zeros_like(x) for _ in sides]
    counts = [torch.full_like(x, NO_WEIGHT) for _ in sides]
    parts = [_Part(entry, side) for side, entries in enumerate(sides) for entry in entries]
    for group in _groups(parts):
        for part, output in zip(group, _evaluate(denoise, x, sigma, group), strict=True):
            weight = _weight_map(part.entry, x)
            sums[part.side] += output * weight
            counts[part.side] += weight
    return [total / count for total, count in zip(sums, counts, strict=True)]


def _weight_map(entry: CondEntry, x: Latent) -> Tensor:
    """How much the entry counts at each place of the latent."""
    return torch.full_like(x, entry.strength)


def _evaluate(denoise: Denoise, x: Latent, sigma: Sigma, group: list[_Part]) -> tuple[Latent, ...]:
    """Predictions for all entries of a group by one model call."""
    length = math.lcm(*(part.entry.tokens.shape[1] for part in group))
    context = torch.cat([_fit_batch(_tile(part.entry.tokens, length), len(x)) for part in group])
    output = denoise(torch.cat([x] * len(group)), sigma, context.to(x.device))
    return output.chunk(len(group))


def _groups(parts: list[_Part]) -> list[list[_Part]]:
    """Gather entries that can share a call: texts whose lengths tile to a common one that is not too long."""
    groups: list[list[_Part]] = []
    for part in parts:
        for group in groups:
            if _can_share([*group, part]):
                group.append(part)
                break
        else:
            groups.append([part])
    return groups


def _can_share(group: list[_Part]) -> bool:
    lengths = [part.entry.tokens.shape[1] for part in group]
    widths = {part.entry.tokens.shape[2] for part in group}
    return len(widths) == 1 and math.lcm(*lengths) <= MAX_TILING * min(lengths)


def _tile(tokens: Tokens, length: int) -> Tokens:
    """Repeat a text; attention over a repeated context gives the same result as over the context once."""
    repeats = length // tokens.shape[1]
    return tokens if repeats == 1 else tokens.repeat(1, repeats, 1)


def _fit_batch(tokens: Tokens, batch: int) -> Tokens:
    """One text for every picture of the batch; several texts are dealt out in turn."""
    if len(tokens) == 1:
        return tokens.expand(batch, -1, -1)
    return tokens.repeat(math.ceil(batch / len(tokens)), 1, 1)[:batch]
