"""Euler's method, the simplest sampler; `ddim` is the same walk."""

from itertools import pairwise

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def euler(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """Euler steps along the probability-flow ODE; Karras et al. 2022, algorithm 2 without churn."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        x = x + (x - denoised) / sigma * (sigma_next - sigma)
    return x
