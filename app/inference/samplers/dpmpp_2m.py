"""DPM-Solver++ (2M): second order from the memory of the previous prediction, one question per step."""

from itertools import pairwise

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def dpmpp_2m(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """Multistep solver in -ln sigma; Lu et al. 2022, "DPM-Solver++", algorithm 2."""
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
