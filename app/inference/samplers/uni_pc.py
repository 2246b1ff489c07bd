"""UniPC: predictor and corrector of up to third order from remembered predictions, one question per step.

Zhao et al. 2023, "UniPC: A Unified Predictor-Corrector Framework", data prediction, algorithms 1 and 2. Works
on y = x / sqrt(1 + sigma^2), where alpha = 1 / sqrt(1 + sigma^2) and lambda = -ln sigma.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigma, Sigmas

LAST_SIGMA = 0.001  # lambda would be infinite at 0
MAX_ORDER = 3


def without_zero(sigmas: Sigmas) -> Sigmas:
    """The list with a final 0 replaced by a level that has a logarithm."""
    if len(sigmas) == 0 or sigmas[-1] != 0:
        return sigmas
    return torch.cat([sigmas[:-1], sigmas.new_tensor([LAST_SIGMA])])


def uni_pc(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """Variant bh1: B(h) = h. `sigmas` without a final 0."""
    return _uni_pc(x, sigmas, lambda hh: hh)


def uni_pc_bh2(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """Variant bh2: B(h) = exp(h) - 1. `sigmas` without a final 0."""
    return _uni_pc(x, sigmas, torch.expm1)


def _uni_pc(x: Latent, sigmas: Sigmas, scale: Callable[[Tensor], Tensor]) -> SamplerRun:
    last = len(sigmas) - 1
    max_order = min(MAX_ORDER, last - 1)
    y = x * _alpha(sigmas[0])
    known = [_known(sigmas[0], (yield Ask(y / _alpha(sigmas[0]), sigmas[0], 0)))]
    for i in range(1, last + 1 if max_order > 0 else 0):
        order = min(i, max_order, last + 1 - i)
        stride = _Stride(y, sigmas[i], known[-order:], scale)
        y = stride.predicted()
        if i == last:
            break
        answer = yield Ask(y / _alpha(sigmas[i]), sigmas[i], i)
        y = stride.corrected(answer)
        known = [*known[1 - MAX_ORDER :], _known(sigmas[i], answer)]
    return y / _alpha(sigmas[-1])


def _alpha(sigma: Sigma) -> Tensor:
    return 1 / (1 + sigma**2).sqrt()


@dataclass(frozen=True, slots=True)
class _Known:
    """A level that was visited, its lambda, and the model's prediction there."""

    sigma: Sigma
    log_snr: Tensor
    denoised: Latent


def _known(sigma: Sigma, denoised: Latent) -> _Known:
    return _Known(sigma, sigma.log().neg(), denoised)


class _Stride:
    """One step from the newest known level to `sigma`; its order is the number of known levels."""

    def __init__(
        self, y: Latent, sigma: Sigma, known: list[_Known], scale: Callable[[Tensor], Tensor]
    ) -> None:
        *older, newest = known
        h = sigma.log().neg() - newest.log_snr
        self._hh = -h
        self._newest = newest
        places = [(past.log_snr - newest.log_snr) / h for past in reversed(older)]
        self._places = torch.stack([*places, torch.ones_like(h)])
        self._slopes = [
            (past.denoised - newest.denoised) / place
            for past, place in zip(reversed(older), places, strict=True)
        ]
        alpha = _alpha(sigma)
        self._scale = scale(self._hh)
        self._factor = alpha * self._scale
        ratio = sigma * alpha / (newest.sigma * _alpha(newest.sigma))
        self._base = ratio * y - alpha * self._hh.expm1() * newest.denoised

    def predicted(self) -> Latent:
        """From the known levels alone."""
        order = len(self._places)
        if order == 1:
            return self._base
        if order == 2:
            return self._base - self._factor * 0.5 * self._slopes[0]
        weights = torch.linalg.solve(self._powers[:-1, :-1], self._moments[:-1])
        return self._base - self._factor * self._sum(weights)

    def corrected(self, answer: Latent) -> Latent:
        """With the prediction at the end of the step as well."""
        change = answer - self._newest.denoised
        if len(self._places) == 1:
            return self._base - self._factor * 0.5 * change
        weights = torch.linalg.solve(self._powers, self._moments)
        return self._base - self._factor * (self._sum(weights[:-1]) + weights[-1] * change)

    def _sum(self, weights: Tensor) -> Latent:
        terms = [weight * slope for weight, slope in zip(weights, self._slopes, strict=True)]
        return torch.stack(terms).sum(dim=0)

    @cached_property
    def _powers(self) -> Tensor:
        """R of the paper: row j holds the places to the power j."""
        return torch.stack([self._places**power for power in range(len(self._places))])

    @cached_property
    def _moments(self) -> Tensor:
        """b of the paper: phi_{k+1}(h) k! / B(h)."""
        moments: list[Tensor] = []
        factorial = 1
        phi = self._hh.expm1() / self._hh - 1
        for index in range(1, len(self._places) + 1):
            moments.append(phi * factorial / self._scale)
            factorial *= index + 1
            phi = phi / self._hh - 1 / factorial
        return torch.stack(moments)
