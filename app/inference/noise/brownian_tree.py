"""Brownian motion whose path depends on a seed alone, looked up between any two times; `generators.py` asks.

Numbers and tree are those of torchsde's BrownianTree (Li et al. 2020, "Scalable Gradients for Stochastic
Differential Equations", section 4; Kidger et al. 2021, "Efficient and Accurate Gradients for Neural SDEs"),
bit for bit: people's seeds depend on them. It only does less work: a node draws its noise once for both
halves, nothing is computed that was not asked for, and what the next question will need is kept.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch import device as Device

DIGITS = 6  # decimals that times are rounded to
POOL_SIZE = 24  # words of entropy that a seed is stirred in


@dataclass(frozen=True, slots=True, eq=False)
class _Interval:
    """A node of the tree: a stretch of time and the motion over it. `key` numbers the nodes of a depth."""

    start: float
    end: float
    key: int
    depth: int
    motion: Tensor


_Halves = tuple[_Interval, _Interval]


class BrownianTree:
    """Motion over [`start`, `end`], float32 of a shape; variance grows by one per unit of time.

    An interval's motion is split at its middle into two halves by the Brownian bridge: with w the motion over
    [s, t] and m the middle, the first half is w (m - s) / (t - s) + sqrt((m - s)(t - m) / (t - s)) z, with z
    drawn from a seed that belongs to the interval. Any stretch is a sum of such intervals.
    """

    def __init__(self, start: float, end: float, shape: torch.Size, device: Device, seed: int) -> None:
        self._shape, self._device, self._seed = shape, device, seed
        first = int(np.random.SeedSequence(seed, pool_size=POOL_SIZE).generate_state(1)[0])
        motion = self._drawn(first) * math.sqrt(end - start)
        self._whole = _Interval(round(start, DIGITS), round(end, DIGITS), 0, 0, motion)
        self._recent = _Recent()

    @property
    def start(self) -> float:
        """First time of the path."""
        return self._whole.start

    @property
    def end(self) -> float:
        """Last time of the path."""
        return self._whole.end

    def motion(self, low: float, high: float) -> Tensor:
        """Motion from `low` to `high`, rising times within the path; none where they round to one."""
        low, high = round(low, DIGITS), round(high, DIGITS)
        if low == high:
            return torch.zeros(self._shape, device=self._device)
        self._recent = _Recent(before=self._recent.used)
        first, *others = self._pieces(self._whole, low, high)
        total = first.motion
        for piece in others:
            total = total + piece.motion
        return total

    def _pieces(self, interval: _Interval, low: float, high: float) -> list[_Interval]:
        """The fewest intervals that make up low..high, which lies within `interval`, in the order of time."""
        if low == interval.start and high == interval.end:
            return [interval]
        left, right = self._halves(interval)
        middle = left.end
        if high <= middle:
            return self._pieces(left, low, high)
        if low >= middle:
            return self._pieces(right, low, high)
        return self._pieces(left, low, middle) + self._pieces(right, middle, high)

    def _halves(self, interval: _Interval) -> _Halves:
        place = (interval.depth, interval.key)
        halves = self._recent.used.get(place) or self._recent.before.get(place) or self._split(interval)
        self._recent.used[place] = halves
        return halves

    def _split(self, interval: _Interval) -> _Halves:
        start, end = interval.start, interval.end
        middle = round(0.5 * (end + start), DIGITS)
        until, after, inverse = middle - start, end - middle, 1 / (end - start)
        sequence = np.random.SeedSequence(
            self._seed, spawn_key=(interval.key, interval.depth), pool_size=POOL_SIZE
        )
        noise = self._drawn(int(sequence.generate_state(1)[0]))
        # in the order of torchsde's operations, each of which rounds
        mean = (until * interval.motion).mul_(inverse)
        first = noise.mul_(math.sqrt(until * after * inverse)).add_(mean)
        depth, key = interval.depth + 1, 2 * interval.key
        return (
            _Interval(start, middle, key, depth, first),
            _Interval(middle, end, key + 1, depth, interval.motion - first),
        )

    def _drawn(self, seed: int) -> Tensor:
        generator = torch.Generator(self._device).manual_seed(seed)
        return torch.randn(self._shape, generator=generator, device=self._device)


@dataclass(frozen=True, slots=True, eq=False)
class _Recent:
    """Halves that this question and the one before it needed: consecutive stretches share an end."""

    used: dict[tuple[int, int], _Halves] = field(default_factory=dict[tuple[int, int], _Halves])
    before: dict[tuple[int, int], _Halves] = field(default_factory=dict[tuple[int, int], _Halves])
