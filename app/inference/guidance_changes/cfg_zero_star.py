"""Guidance with an optimised scale of the negative prediction; the CFGZeroStar node adds it.

Fan et al. 2025, "CFG-Zero*: Improved Classifier-Free Guidance for Flow Matching Models".
"""

from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent

TINY = 1e-8


def cfg_zero_star() -> GuidanceHooks:
    """D + u (a - 1) + cfg u (1 - a) with a = <x - c, x - u> / |x - u|^2 per picture.

    That is plain guidance with the negative side scaled by a.
    """

    def after(step: GuidanceStep, denoised: Latent) -> Latent:
        away_from_positive = (step.x - step.positive).flatten(1)
        away_from_negative = (step.x - step.negative).flatten(1)
        alike = (away_from_positive * away_from_negative).sum(dim=1)
        scale = (alike / (away_from_negative.square().sum(dim=1) + TINY)).view(-1, 1, 1, 1)
        return denoised + step.negative * (scale - 1) + step.cfg * step.negative * (1 - scale)

    return GuidanceHooks(after_cfg=(after,))
