"""Heun++: Heun's method that looks two levels ahead and weighs the slopes by how noisy their levels are.

An Euler step predicts x2 at sigma', another predicts x3 at sigma'', each asks for its slope d = (x - D) /
sigma. The step then follows the mean slope

    w1 d + w2 d2 + w3 d3,   w2 = sigma' / w,  w3 = sigma'' / w,  w1 = 1 - w2 - w3,  w = 3 sigma_0,

so that the later, cleaner levels count little while noise is high (sigma_0 is the first level of the run).
The step before the last looks one level ahead, with w = 2 sigma_0, and the last is an Euler step: three, two
and one question. A variant of Karras et al. 2022, algorithm 1, first published by Carzit
(sd-webui-samplers-scheduler).
"""

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas

LOOKS_AHEAD = 2  # levels


def heunpp2(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """Up to three questions per step."""
    last = len(sigmas) - 2
    for step in range(last + 1):
        levels = sigmas[step : step + 1 + min(LOOKS_AHEAD, last - step)]
        ahead, slopes = x, list[Latent]()
        for place, sigma in enumerate(levels):
            if slopes:
                ahead = ahead + slopes[-1] * (sigma - levels[place - 1])
            denoised = yield Ask(ahead, sigma, step)
            slopes.append((ahead - denoised) / sigma)
        weights = levels[1:] / (len(levels) * sigmas[0])
        mean = (1 - weights.sum()) * slopes[0]
        for weight, slope in zip(weights, slopes[1:], strict=True):
            mean = mean + weight * slope
        x = x + mean * (sigmas[step + 1] - sigmas[step])
    return x
