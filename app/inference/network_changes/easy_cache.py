"""Steps without a network call where little would change; the EasyCache node adds it.

Zhou et al. 2025, "Less is Enough: Training-Free Video Diffusion Acceleration via Runtime-Adaptive Caching".
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from app.inference.hooks.network import NetworkCall, NetworkHooks
from app.inference.types import Latent

NOBODY = -1
STRIDE = 8  # changes are measured on every eighth row and column

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class EasyCache:
    """Skip calls while the expected relative change of the output stays below `threshold`.

    Active from `start_percent` to `end_percent` (0..1) of the schedule; `verbose` logs every decision. The
    entry that is met first is the reference: what is decided at its call holds for the step's later ones.
    """

    threshold: float
    start_percent: float
    end_percent: float
    verbose: bool = False

    def hooks(self) -> NetworkHooks:
        """The cache as a change of a model; it begins empty in every run."""
        return NetworkHooks(around_network=(self._around,))

    def _around(self, network: Callable[[Latent], Latent], x: Latent, call: NetworkCall) -> Latent:
        percent_to_sigma = call.model_sampling.percent_to_sigma
        level = call.sigma.item()
        if call.further or level <= percent_to_sigma(self.end_percent):
            return network(x)
        cache: Cache = call.memory.setdefault(self, Cache())
        if level > percent_to_sigma(self.start_percent):
            return cache.observed(network, x, call)
        is_reference = cache.is_reference(call)
        if is_reference:
            cache.decide(x, call, self.threshold)
        if cache.skipped_level == level and cache.knows(x, call):
            self._tell("skips", level, cache)
            return cache.answer(x, call)
        output = cache.observed(network, x, call)
        if is_reference:
            self._tell("computes", level, cache)
            cache.renew(x, output, call)
        return output

    def _tell(self, what: str, level: float, cache: "Cache") -> None:
        if self.verbose:
            _log.info("EasyCache %s at sigma %.4f: expected change %.4f", what, level, cache.drift)


@dataclass(slots=True, eq=False)
class Cache:
    """What is known of a run.

    `added` is what the network added to its input at the last real call, by entry. Of the reference entry's
    last real call: sampled input `x` and `output`, the output's mean magnitude `size`, and `rate`, the change
    of the output per change of the input. `drift` is the relative change expected since then.
    """

    reference: int = NOBODY
    x: Tensor | None = None
    output: Tensor | None = None
    size: float = 0.0
    rate: float | None = None
    drift: float = 0.0
    skipped_level: float | None = None
    added: dict[int, Latent] = field(default_factory=dict[int, Latent])

    def is_reference(self, call: NetworkCall) -> bool:
        """Whether the entry that decides is part of the call; the first one asked about becomes it."""
        if self.reference == NOBODY:
            self.reference = call.entries[0]
        return self.reference in call.entries

    def decide(self, x: Latent, call: NetworkCall, threshold: float) -> None:
        """Skip this level or not."""
        self.skipped_level = None
        if self.rate is None or self.x is None or self.size == 0:
            return
        self.drift += self.rate * _distance(self._sampled(x, call), self.x) / self.size
        if self.drift < threshold:
            self.skipped_level = call.sigma.item()

    def observed(self, network: Callable[[Latent], Latent], x: Latent, call: NetworkCall) -> Latent:
        """The network's output, after which every entry of the call is known."""
        output = network(x)
        self.added.update(zip(call.entries, (output - x).chunk(len(call.entries)), strict=True))
        return output

    def knows(self, x: Latent, call: NetworkCall) -> bool:
        """Whether every entry of the call was computed before, at this size."""
        size = (len(x) // len(call.entries), *x.shape[1:])
        return all(entry in self.added and self.added[entry].shape == size for entry in call.entries)

    def answer(self, x: Latent, call: NetworkCall) -> Latent:
        """The output if every entry added what it did before."""
        return x + torch.cat([self.added[entry] for entry in call.entries])

    def renew(self, x: Latent, output: Latent, call: NetworkCall) -> None:
        """Measure from this real call of the reference entry on."""
        sampled_x, sampled_output = self._sampled(x, call), self._sampled(output, call)
        if self.x is not None and self.output is not None:
            moved = _distance(sampled_x, self.x)
            self.rate = _distance(sampled_output, self.output) / moved if moved > 0 else math.inf
        self.x, self.output = sampled_x, sampled_output
        self.size, self.drift = output.abs().mean().item(), 0.0

    def _sampled(self, tensor: Latent, call: NetworkCall) -> Tensor:
        """Some rows and columns of the reference entry's part."""
        chunk = call.entries.index(self.reference)
        return tensor.chunk(len(call.entries))[chunk][..., ::STRIDE, ::STRIDE]


def _distance(a: Tensor, b: Tensor) -> float:
    return (a - b).abs().mean().item()
