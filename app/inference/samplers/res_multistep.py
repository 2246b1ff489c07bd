"""RES: a second-order exponential integrator with one remembered prediction, also ancestral and with CFG++.

Zhang et al. 2023, "Improved Order Analysis and Design of Exponential Integrator for Diffusion Models
Sampling", the multistep form. In t = -ln sigma the ODE is dx/dt = D - x; over a step h = t' - t, with the
newest prediction D and an older one D_old that lies c2 steps away (c2 < 0),

    x' = exp(-h) x + h (b1 D + b2 D_old),   phi_1 = (exp(-h) - 1) / (-h),   phi_2 = (phi_1 - 1) / (-h),
    b1 = phi_1 - phi_2 / c2,                b2 = phi_2 / c2.

The step goes to the level `down` of the ancestral split (all the way without `eta`), then noise of level `up`
is added. c2 counts from the level that the step before went down to. With CFG++ (Chung et al. 2024) the noise
is that of the negative side: x moves by D - U first, and U takes the place of D in the integrator.
"""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.ancestral import ancestral_split
from app.inference.samplers.base import Ask, AskBoth, GuidedRun, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigma, Sigmas


def res_multistep(
    x: Latent, sigmas: Sigmas, context: SamplerContext, *, eta: float = 0.0, s_noise: float = 1.0
) -> SamplerRun:
    """One question per step; `eta` >= 0 is the share of new noise, `s_noise` its size."""
    noise = GaussianNoise(x, context.seed) if eta > 0 else None
    before: _Before | None = None
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        split = ancestral_split(sigma, sigma_next, eta)
        if before is None or split.down == 0:
            x = x + (x - denoised) / sigma * (split.down - sigma)
        else:
            x = _integrated(x, denoised, before, sigma, split.down)
        if noise is not None and sigma_next > 0:
            x = x + noise() * s_noise * split.up
        before = _Before(sigma, split.down, denoised)
    return x


def res_multistep_cfg_pp(
    x: Latent, sigmas: Sigmas, context: SamplerContext, *, eta: float = 0.0, s_noise: float = 1.0
) -> GuidedRun:
    """The same with CFG++."""
    noise = GaussianNoise(x, context.seed) if eta > 0 else None
    before: _Before | None = None
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        guided = yield AskBoth(x, sigma, step)
        denoised, negative = guided.denoised, guided.negative
        split = ancestral_split(sigma, sigma_next, eta)
        if before is None or split.down == 0:
            x = denoised + (x - negative) / sigma * split.down
        else:
            x = _integrated(x + (denoised - negative), negative, before, sigma, split.down)
        if noise is not None and sigma_next > 0:
            x = x + noise() * s_noise * split.up
        before = _Before(sigma, split.down, negative)
    return x


@dataclass(frozen=True, slots=True)
class _Before:
    """The step before: its level, the level it went down to, and its prediction."""

    sigma: Sigma
    down: Sigma
    denoised: Latent


def _integrated(x: Latent, denoised: Latent, before: _Before, sigma: Sigma, down: Sigma) -> Latent:
    """The second-order step from `sigma` to `down`."""
    h = sigma.log() - down.log()
    place = (before.down.log() - before.sigma.log()) / h
    phi_1 = (-h).expm1() / -h
    phi_2 = (phi_1 - 1) / -h
    old = _defined(phi_2 / place)
    new = _defined(phi_1 - phi_2 / place)
    return (-h).exp() * x + h * (new * denoised + old * before.denoised)


def _defined(weight: Tensor) -> Tensor:
    """Weights of steps that went nowhere count nothing."""
    return weight.nan_to_num(nan=0.0)
