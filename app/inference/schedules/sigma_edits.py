"""Changes of finished lists of noise levels: cut, turned around, refined; sigma nodes call them."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np
import torch

from app.inference.types import Sigmas

ALMOST_ZERO = 0.0001  # first level of a rising list, where 0 would have no logarithm


class NoLevels(ValueError):
    """A list of noise levels is empty where one level at least is needed."""

    code = "no_levels"

    def __init__(self) -> None:
        super().__init__(
            "The list of noise levels is empty and has no first one: give it steps and a denoise above 0."
        )


Spacing = Literal["linear", "cosine", "sine"]


def split_at(sigmas: Sigmas, step: int) -> tuple[Sigmas, Sigmas]:
    """The levels of the first `step` steps and those of the rest; they share the level between."""
    return sigmas[: step + 1], sigmas[step:]


def split_by_share(sigmas: Sigmas, denoise: float) -> tuple[Sigmas, Sigmas]:
    """The same, so that the rest is the share `denoise` (0..1) of all steps; of none it is the last level."""
    rest = round(max(len(sigmas) - 1, 0) * denoise)
    return sigmas[:-rest] if rest else sigmas[:0], sigmas[-(rest + 1) :]


def flipped(sigmas: Sigmas) -> Sigmas:
    """Rising instead of falling, for turning a picture back into noise."""
    rising = sigmas.flip(0)
    if len(rising) > 0 and rising[0] == 0:
        rising[0] = ALMOST_ZERO
    return rising


def with_first(sigmas: Sigmas, sigma: float) -> Sigmas:
    """The list with another first level. NoLevels: it is empty."""
    if len(sigmas) == 0:
        raise NoLevels
    changed = sigmas.clone()
    changed[0] = sigma
    return changed


def refined(sigmas: Sigmas, steps: int, start: float, end: float, spacing: Spacing) -> Sigmas:
    """Every step from a level within `end`..`start` made into `steps` smaller ones.

    A negative `start` is no limit. `spacing` says how they grow: evenly, from large to small steps (cosine)
    or from small to large (sine).
    """
    highest = math.inf if start < 0 else start
    shares = [_SPACINGS[spacing](place) for place in np.linspace(0, 1, steps + 1)[1:-1].tolist()]
    levels: list[float] = []
    for sigma, sigma_next in pairwise(sigmas.tolist()):
        levels.append(sigma)
        if end <= sigma <= highest:
            levels += [sigma + share * (sigma_next - sigma) for share in shares]
    return torch.tensor([*levels, *sigmas[-1:].tolist()])


_SPACINGS: dict[Spacing, Callable[[float], float]] = {
    "linear": lambda place: place,
    "cosine": lambda place: math.sin(place * math.pi / 2),
    "sine": lambda place: 1 - math.cos(place * math.pi / 2),
}
