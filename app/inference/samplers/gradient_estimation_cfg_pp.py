"""Gradient estimation with CFG++: the slope is that of the negative side, the picture the guided one.

With U the negative side's prediction, d = (x - U) / sigma is the noise still in x (Chung et al. 2024). The
step keeps it, x' = D + d sigma', and extrapolates it from the step before as in `gradient_estimation.py`
(Permenter and Yuan 2023): (gamma - 1) (d - d_old) (sigma' - sigma) is added.
"""

from itertools import pairwise

from app.inference.samplers.base import AskBoth, GuidedRun, SamplerContext
from app.inference.samplers.gradient_estimation import GAMMA
from app.inference.types import Latent, Sigmas


def gradient_estimation_cfg_pp(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> GuidedRun:
    """One question per step."""
    slope_before = None
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        guided = yield AskBoth(x, sigma, step)
        slope = (x - guided.negative) / sigma
        x = guided.denoised + slope * sigma_next
        if slope_before is not None and sigma_next > 0:
            x = x + (GAMMA - 1) * (slope - slope_before) * (sigma_next - sigma)
        slope_before = slope
    return x
