"""DPM-Solver++ (2S) with ancestral noise and CFG++.

As `dpmpp_2s_ancestral.py`, a midpoint step in -ln sigma down to the level `down`, then new noise of level
`up` (Lu et al. 2022, algorithm 1); under CFG++ (Chung et al. 2024) x is first moved by D - U, so that the
noise that is kept is the negative side's:

    x_mid = sigma_mid / sigma (x + D - U) - (exp(-h/2) - 1) D,
    x'    = down / sigma (x + D - U_mid) - (exp(-h) - 1) D_mid + up z.

The same on rectified flow, where the plain method has a form of its own.
"""

from itertools import pairwise

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.ancestral import ancestral_split
from app.inference.samplers.base import AskBoth, GuidedRun, SamplerContext
from app.inference.types import Latent, Sigmas


def dpmpp_2s_ancestral_cfg_pp(
    x: Latent, sigmas: Sigmas, context: SamplerContext, *, eta: float = 1.0, s_noise: float = 1.0
) -> GuidedRun:
    """Two questions per step; `eta` >= 0 is the share of new noise, `s_noise` its size."""
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        guided = yield AskBoth(x, sigma, step)
        split = ancestral_split(sigma, sigma_next, eta)
        if split.down == 0:
            x = guided.denoised
        else:
            h = sigma.log() - split.down.log()
            middle = (sigma.log() - h / 2).exp()
            moved = x + (guided.denoised - guided.negative)
            x_middle = middle / sigma * moved - (-h / 2).expm1() * guided.denoised
            at_middle = yield AskBoth(x_middle, middle, step)
            moved = x + (guided.denoised - at_middle.negative)
            x = split.down / sigma * moved - (-h).expm1() * at_middle.denoised
        if sigma_next > 0:
            x = x + noise() * s_noise * split.up
    return x
