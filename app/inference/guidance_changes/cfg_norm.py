"""Guidance that lets no place grow stronger than the positive prediction; the CFGNorm node adds it.

The renormalisation of Qwen-Image's reference pipeline (Wu et al. 2025), per latent cell and only downwards.
"""

from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent

TINY = 1e-8


def cfg_norm(strength: float) -> GuidanceHooks:
    """D * strength * min(1, |c| / |D|) with norms over the channels of each cell; `strength` >= 0."""

    def after(step: GuidanceStep, denoised: Latent) -> Latent:
        wanted = step.positive.norm(dim=1, keepdim=True)
        found = denoised.norm(dim=1, keepdim=True)
        return denoised * (wanted / (found + TINY)).clamp(0, 1) * strength

    return GuidanceHooks(after_cfg=(after,))
