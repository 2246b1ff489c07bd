"""DPM-Solver++ (2M) with CFG++: noise and memory of the negative side, picture of the guided one.

In lambda = -ln sigma with a step h, DPM-Solver++ (Lu et al. 2022) carries x to exp(-h) x - (exp(-h) - 1) D.
Under CFG++ (Chung et al. 2024) what is kept of x is the noise that the negative prediction U sees in it:

    x' = D + exp(-h) (x - U) - (exp(-h) - 1) / (2 r) (D - U_old),   r = h_old / h,

where the last term, the second-order correction, is missing in the first and the last step.
"""

from itertools import pairwise

from app.inference.samplers.base import AskBoth, GuidedRun, SamplerContext
from app.inference.types import Latent, Sigmas


def dpmpp_2m_cfg_pp(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> GuidedRun:
    """One question per step."""
    negative_before, h_before = None, None
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        guided = yield AskBoth(x, sigma, step)
        h = sigma.log() - sigma_next.log()
        kept = (-h).exp()
        x = guided.denoised - kept * guided.negative + kept * x
        if negative_before is not None and h_before is not None and sigma_next > 0:
            r = h_before / h
            x = x - (-h).expm1() / (2 * r) * (guided.denoised - negative_before)
        negative_before, h_before = guided.negative, h
    return x
