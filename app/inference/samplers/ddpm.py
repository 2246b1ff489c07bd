"""Ancestral sampling of the original diffusion model.

Ho et al. 2020, "Denoising Diffusion Probabilistic Models", algorithm 2, on the unit-variance sample
y = x / sqrt(1 + sigma^2). With A = 1 / (1 + sigma^2) and A' that of the next level (alpha_bar of the paper),
a = A / A' and e = (x - D) / sigma the named noise,

    y' = (y - (1 - a) / sqrt(1 - A) e) / sqrt(a) + sqrt((1 - a) (1 - A') / (1 - A)) z,

without the noise z in the step to 0.
"""

from itertools import pairwise

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def ddpm(x: Latent, sigmas: Sigmas, context: SamplerContext) -> SamplerRun:
    """One question per step."""
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        alpha_bar, alpha_bar_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
        alpha = alpha_bar / alpha_bar_next
        named_noise = (x - denoised) / sigma
        y = x / (1 + sigma**2).sqrt()
        y = (y - (1 - alpha) * named_noise / (1 - alpha_bar).sqrt()) / alpha.sqrt()
        if sigma_next > 0:
            y = y + ((1 - alpha) * (1 - alpha_bar_next) / (1 - alpha_bar)).sqrt() * noise()
        x = y * (1 + sigma_next**2).sqrt()
    return x
