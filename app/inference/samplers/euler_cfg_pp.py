"""CFG++: Euler steps that take the picture from the guided prediction and the noise from the negative one.

Classifier-free guidance moves the sample off the manifold of noisy pictures when the guided prediction D also
names the noise. CFG++ (Chung et al. 2024, "CFG++: Manifold-constrained Classifier Free Guidance")
keeps the two apart: with U the prediction of the negative side alone and x = alpha * picture + sigma * noise,

    n = (x - alpha U) / sigma                     the noise that is still in x,
    x' = alpha' D + sigma' n                      the guided picture with that same noise at the next level.

The ancestral form replaces part of n: the step from sigma / alpha to sigma' / alpha' is split into `down` and
`up` (see `ancestral.py`), and x' = alpha' (D + down n + up z) with new noise z.
"""

from itertools import pairwise
from typing import Literal

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.ancestral import ancestral_split
from app.inference.samplers.base import AskBoth, GuidedRun, SamplerContext
from app.inference.types import Latent, Sigmas


def euler_ancestral_cfg_pp(
    x: Latent, sigmas: Sigmas, context: SamplerContext, *, eta: float = 1.0, s_noise: float = 1.0
) -> GuidedRun:
    """CFG++ with new noise; `eta` >= 0 is its share, `s_noise` its size. With one of them 0 none is drawn."""
    sampling = context.model_sampling
    noise = GaussianNoise(x, context.seed) if eta > 0 and s_noise > 0 else None
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        guided = yield AskBoth(x, sigma, step)
        if sigma_next == 0:
            x = guided.denoised
            continue
        alpha, alpha_next = sampling.alpha(sigma), sampling.alpha(sigma_next)
        named_noise = (x - alpha * guided.negative) / sigma
        split = ancestral_split(sigma / alpha, sigma_next / alpha_next, eta)
        x = alpha_next * guided.denoised + alpha_next * split.down * named_noise
        if noise is not None:
            x = x + alpha_next * split.up * noise() * s_noise
    return x


def euler_cfg_pp(
    x: Latent,
    sigmas: Sigmas,
    context: SamplerContext,
    *,
    version: Literal["regular", "alternative"] = "regular",
) -> GuidedRun:
    """CFG++ without new noise; `alternative` walks an Euler step along D + (D - U) instead."""
    if version == "regular":
        return euler_ancestral_cfg_pp(x, sigmas, context, eta=0.0)
    return _alternative(x, sigmas)


def _alternative(x: Latent, sigmas: Sigmas) -> GuidedRun:
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        guided = yield AskBoth(x, sigma, step)
        slope = ((x - guided.denoised + guided.negative) - guided.denoised) / sigma
        x = x + slope * (sigma_next - sigma)
    return x
