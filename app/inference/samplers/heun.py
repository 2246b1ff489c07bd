"""Heun's method: an Euler step corrected by the slope at its end."""

from itertools import pairwise

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def heun(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """Second order, two questions per step; Karras et al. 2022, algorithm 2 without churn."""
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
