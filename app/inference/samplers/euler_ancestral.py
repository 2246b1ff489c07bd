"""Euler's method that replaces part of the noise after every step.

A step from sigma to sigma' is split in two (`ancestral.py`): Euler's method goes down to the level `down`,
below sigma', and new noise z of level `up` leads back up to it (Song et al. 2021, "Denoising Diffusion
Implicit Models", eta > 0; Karras et al. 2022 call it stochastic sampling):

    x' = x + (x - D) / sigma (down - sigma) + up z,   down^2 + up^2 = sigma'^2.

On rectified flow, where x = (1 - sigma) picture + sigma noise, the walk down is x_down = k x + (1 - k) D with
k = down / sigma, and the picture is scaled back to its size at sigma' before noise is added.
"""

from itertools import pairwise

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.ancestral import ancestral_split, flow_split
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.samplers.euler import euler
from app.inference.types import Latent, Sigmas


def euler_ancestral(
    x: Latent, sigmas: Sigmas, context: SamplerContext, *, eta: float = 1.0, s_noise: float = 1.0
) -> SamplerRun:
    """One question per step; `eta` >= 0 scales the share of new noise, `s_noise` its size."""
    if not context.model_sampling.is_flow:
        return _variance_exploding(x, sigmas, context, eta, s_noise)
    if eta == 0:
        return euler(x, sigmas, context)
    return _flow(x, sigmas, context, eta, s_noise)


def _variance_exploding(
    x: Latent, sigmas: Sigmas, context: SamplerContext, eta: float, s_noise: float
) -> SamplerRun:
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        split = ancestral_split(sigma, sigma_next, eta)
        if split.down == 0:
            x = denoised
        else:
            x = x + (x - denoised) / sigma * (split.down - sigma) + noise() * s_noise * split.up
    return x


def _flow(x: Latent, sigmas: Sigmas, context: SamplerContext, eta: float, s_noise: float) -> SamplerRun:
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        split = flow_split(sigma, sigma_next, eta)
        kept = split.down / sigma
        x = (kept * x + (1 - kept) * denoised) * split.scale + noise() * s_noise * split.up
    return x
