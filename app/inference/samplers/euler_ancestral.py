"""Euler's method that replaces part of the noise after every step."""

from itertools import pairwise

from app.inference.noise import GaussianNoise
from app.inference.samplers.ancestral import ancestral_split, flow_split
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.samplers.euler import euler
from app.inference.types import Latent, Sigmas


def euler_ancestral(
    x: Latent, sigmas: Sigmas, context: SamplerContext, *, eta: float = 1.0, s_noise: float = 1.0
) -> SamplerRun:
    """Ancestral sampling (Song et al. 2021); `eta` >= 0 scales the share of new noise, `s_noise` its size."""
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
