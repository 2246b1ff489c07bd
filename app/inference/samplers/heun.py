"""Heun's method: an Euler step corrected by the slope at its end.

Karras et al. 2022, algorithm 1 without churn. With d = (x - D(x, sigma)) / sigma:

    x2 = x + d (sigma' - sigma),   d2 = (x2 - D(x2, sigma')) / sigma',
    x' = x + (d + d2) / 2 (sigma' - sigma).

Second order, two questions per step; the step to 0 is an Euler step.
"""

from itertools import pairwise

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def heun(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """Two questions per step."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        slope = (x - denoised) / sigma
        if sigma_next == 0:
            x = denoised
            continue
        predicted = x + slope * (sigma_next - sigma)
        denoised = yield Ask(predicted, sigma_next, step)
        slope_next = (predicted - denoised) / sigma_next
        x = x + (slope + slope_next) / 2 * (sigma_next - sigma)
    return x
