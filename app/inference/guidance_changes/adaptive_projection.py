"""Guidance split into what only raises saturation and what adds detail; the APG node adds it.

Sadat et al. 2025, "Eliminating Oversaturation and Artifacts of High Guidance Scales in Diffusion Models".
"""

import torch

from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent


def adaptive_projection(eta: float, threshold: float, momentum: float) -> GuidanceHooks:
    """Weigh the part of the guidance g = c - u that is parallel to c by `eta`, algorithm 1 of the paper.

    A `momentum` other than 0 adds that share of the earlier steps' guidance; it is forgotten where the level
    rises. A `threshold` above 0 limits the length of g per picture. With g' the projected guidance the
    positive side becomes u + g' + g / cfg. Without a negative side nothing changes.
    """
    key = object()

    def before(step: GuidanceStep) -> tuple[Latent, Latent]:
        if not step.is_mixed:
            return step.positive, step.negative
        plain = step.positive - step.negative
        guidance = _with_momentum(key, step, plain, momentum) if momentum != 0 else plain
        if threshold > 0:
            guidance = guidance * (threshold / _length(guidance)).clamp(max=1)
        direction = step.positive / _length(step.positive)
        parallel = (guidance * direction).sum(dim=(1, 2, 3), keepdim=True) * direction
        projected = guidance - parallel + eta * parallel
        return step.negative + projected + plain / step.cfg, step.negative

    return GuidanceHooks(before_cfg=(before,))


def _with_momentum(key: object, step: GuidanceStep, guidance: Latent, momentum: float) -> Latent:
    level = step.sigma.item()
    earlier = step.memory.get(key)
    if earlier is not None and level <= earlier[0]:
        guidance = momentum * earlier[1] + guidance
    step.memory[key] = level, guidance
    return guidance


def _length(latent: Latent) -> Latent:
    return torch.linalg.vector_norm(latent, dim=(1, 2, 3), keepdim=True)
