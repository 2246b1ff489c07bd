"""Euler steps whose slope is extrapolated from the step before.

Permenter and Yuan 2023, "Interpreting and Improving Diffusion Models from an Optimization Perspective",
algorithm 1: the slope d = (x - D) / sigma estimates the gradient of the distance to the set of pictures, and
two estimates are better than one:

    x' = x + (gamma d + (1 - gamma) d_old) (sigma' - sigma).

The first step has no older slope, and the step to 0 is x' = D.
"""

from itertools import pairwise

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas

GAMMA = 2.0  # Permenter and Yuan 2023, section 4


def gradient_estimation(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """One question per step."""
    slope_before = None
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        slope = (x - denoised) / sigma
        if sigma_next == 0:
            x = denoised
            continue
        estimate = slope if slope_before is None else GAMMA * slope + (1 - GAMMA) * slope_before
        x = x + estimate * (sigma_next - sigma)
        slope_before = slope
    return x
