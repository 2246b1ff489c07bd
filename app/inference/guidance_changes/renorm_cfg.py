"""Guidance only at low noise, and never longer than the positive prediction; the RenormCFG node adds it.

Qin et al. 2025, "Lumina-Image 2.0", CFG-Renormalization and CFG-Truncation.
"""

import torch

from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent


def renorm_cfg(truncation: float, renorm: float) -> GuidanceHooks:
    """u + (c - u) * cfg below the level `truncation`, c above it.

    A `renorm` above 0 limits the length of the mixture to that multiple of the length of c, per picture.
    """

    def replace(step: GuidanceStep) -> Latent:
        if step.sigma.item() >= truncation:
            return step.positive
        mixed = step.negative + (step.positive - step.negative) * step.cfg
        if renorm <= 0:
            return mixed
        return mixed * (renorm * _length(step.positive) / _length(mixed)).clamp(max=1)

    return GuidanceHooks(replace_cfg=replace)


def _length(latent: Latent) -> Latent:
    return torch.linalg.vector_norm(latent, dim=(1, 2, 3), keepdim=True)
