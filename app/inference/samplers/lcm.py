"""Sampling of latent consistency models: jump to the picture, add noise, jump again.

Luo et al. 2023, "Latent Consistency Models", algorithm 3: a consistency model's answer is a picture at once.
Each step takes it, D, and brings it to the next level by the model's own rule, x' = D + sigma' z, or on
rectified flow x' = (1 - sigma') D + sigma' z. The last step keeps the picture.
"""

from itertools import pairwise

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def lcm(x: Latent, sigmas: Sigmas, context: SamplerContext) -> SamplerRun:
    """One question per step."""
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x = yield Ask(x, sigma, step)
        if sigma_next > 0:
            x = context.model_sampling.noise_scaling(sigma_next, noise(), x, max_denoise=False)
    return x
