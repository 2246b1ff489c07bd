"""DPM-Solver++ (2M): second order from the memory of the previous prediction, one question per step.

Lu et al. 2022, "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models", algorithm
2. In lambda = -ln sigma the ODE is dx / d lambda = D - x, so that over a step h = lambda' - lambda

    x' = exp(-h) x + (1 - exp(-h)) D

is exact where D does not change. The change is extrapolated from the last step: with r = h_old / h,

    D replaced by (1 + 1 / (2 r)) D - 1 / (2 r) D_old,

but not in the first step and not in the one to 0, where x' = D.
"""

from itertools import pairwise

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def dpmpp_2m(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """One question per step."""
    denoised_before, h_before = None, None
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        h = sigma.log() - sigma_next.log()
        if sigma_next == 0:
            x = denoised
        elif denoised_before is None or h_before is None:
            x = sigma_next / sigma * x - (-h).expm1() * denoised
        else:
            r = h_before / h
            extrapolated = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * denoised_before
            x = sigma_next / sigma * x - (-h).expm1() * extrapolated
        denoised_before, h_before = denoised, h
    return x
