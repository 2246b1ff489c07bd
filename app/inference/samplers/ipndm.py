"""iPNDM: Adams-Bashforth steps of fourth order, with constant or with varying step sizes.

Liu et al. 2022, "Pseudo Numerical Methods for Diffusion Models", without its Runge-Kutta warm-up as in Zhang
and Chen 2022, "Fast Sampling of Diffusion Models with Exponential Integrator": with slopes d_i = (x_i - D_i)
/ sigma_i,

    x_{i+1} = x_i + (sigma_{i+1} - sigma_i) * sum_j c_j d_{i-j}.

Order k = min(i + 1, 4) with the classical weights of equal steps, newest first:

    [1],  [3, -1] / 2,  [23, -16, 5] / 12,  [55, -59, 37, -9] / 24.

`ipndm_v` derives the weights from the true steps h0 = sigma_{i+1} - sigma_i, h1 = sigma_i - sigma_{i-1}, ...
as Zhou et al. 2024 ("Fast ODE-based Sampling for Diffusion Models in Around 5 Steps") do: beginning with the
weight 1 of the newest slope, every further slope adds t times a divided difference,

    order 2:  t = h0 / (2 h1),                                               [1, -1]
    order 3:  t = (1 - h0 / (3 (h0 + h1)) h0 (h0 + h1) / (h1 (h1 + h2))) / 2,  [1, -(1 + h1/h2), h1/h2]
    order 4:  t = ((1 - h0 / (3 (h0 + h1))) / 2 + (1 - h0 / (2 (h0 + h1))) h0 / (6 (h0 + h1 + h2)))
                  h0 (h0 + h1) (h0 + h1 + h2) / (h1 (h1 + h2) (h1 + h2 + h3)),
              [1, -(1 + h1/h2 + r), h1/h2 + r (1 + h2/h3), -r h1/h2],  r = h1 (h1 + h2) / (h2 (h2 + h3)).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas

MAX_ORDER = 4
EQUAL_STEPS = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


def ipndm(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """The weights of equal steps."""
    slopes: list[Latent] = []  # newest first
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        slopes = [(x - denoised) / sigma, *slopes[: MAX_ORDER - 1]]
        if sigma_next == 0:
            x = denoised
            continue
        x = x + (sigma_next - sigma) * weighted(EQUAL_STEPS[len(slopes) - 1], slopes)
    return x


def ipndm_v(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """The weights of the steps as they are."""
    slopes: list[Latent] = []
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        slopes = [(x - denoised) / sigma, *slopes[: MAX_ORDER - 1]]
        if sigma_next == 0:
            x = denoised
            continue
        strides = [sigmas[i + 1] - sigmas[i] for i in range(step, step - len(slopes), -1)]
        x = x + (sigma_next - sigma) * weighted(_weights(strides), slopes)
    return x


def weighted(weights: Sequence[float | Tensor], slopes: Sequence[Latent]) -> Latent:
    """Weighted sum; as many weights as slopes, at least one."""
    total = weights[0] * slopes[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        total = total + weight * slope
    return total


def _weights(strides: list[Tensor]) -> list[Tensor]:
    """Weights of the slopes, newest first, from the strides h0, h1, ... back in time."""
    weights = [torch.ones_like(strides[0])]
    for order, changes_of in enumerate((_second, _third, _fourth)[: len(strides) - 1], start=2):
        changes = changes_of(*strides[:order])
        kept = (weight + change for weight, change in zip(weights, changes, strict=False))
        weights = [*kept, changes[-1]]
    return weights


def _second(h0: Tensor, h1: Tensor) -> list[Tensor]:
    t = h0 / h1 / 2
    return [t, -t]


def _third(h0: Tensor, h1: Tensor, h2: Tensor) -> list[Tensor]:
    t = (1 - h0 / (3 * (h0 + h1)) * (h0 * (h0 + h1)) / (h1 * (h1 + h2))) / 2
    return [t, -(1 + h1 / h2) * t, t * h1 / h2]


def _fourth(h0: Tensor, h1: Tensor, h2: Tensor, h3: Tensor) -> list[Tensor]:
    inner = (1 - h0 / (3 * (h0 + h1))) / 2 + (1 - h0 / (2 * (h0 + h1))) * h0 / (6 * (h0 + h1 + h2))
    t = inner * (h0 * (h0 + h1) * (h0 + h1 + h2)) / (h1 * (h1 + h2) * (h1 + h2 + h3))
    r = h1 * (h1 + h2) / (h2 * (h2 + h3))
    return [t, -(1 + h1 / h2 + r) * t, (h1 / h2 + r * (1 + h2 / h3)) * t, -t * r * h1 / h2]
