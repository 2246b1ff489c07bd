"""Euler's method, the simplest sampler; `ddim` is the same walk.

In the notation of Karras et al. 2022 ("Elucidating the Design Space of Diffusion-Based Generative Models"),
the probability-flow ODE of a sample x at noise level sigma is dx / d sigma = (x - D(x, sigma)) / sigma, with
D the denoised prediction. A step of Euler's method follows the slope d at its beginning:

    d = (x - D) / sigma,   x' = x + d (sigma' - sigma).

With sigma' = 0 this is x' = D. DDIM (Song et al. 2021, "Denoising Diffusion Implicit Models", eta = 0) takes
the same steps in another scale of x.
"""

from itertools import pairwise

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def euler(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """One question per step."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        x = x + (x - denoised) / sigma * (sigma_next - sigma)
    return x
