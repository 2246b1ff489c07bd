"""Guidance with the negative prediction freed of what leads away from both sides; the TCFG node adds it.

Kwon et al. 2025, "TCFG: Tangential Damping Classifier-free Guidance".
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent


def tangential_damping() -> GuidanceHooks:
    """Keep of x - u only its part along the main direction v of both x - u and x - c, per picture.

    v is the first right singular vector of the matrix with these two rows. Without a negative side nothing
    changes.
    """

    def before(step: GuidanceStep) -> tuple[Latent, Latent]:
        if not step.is_mixed:
            return step.positive, step.negative
        away = (step.x - step.negative).flatten(1)
        direction = _main_direction(away, (step.x - step.positive).flatten(1))
        along = (away * direction).sum(dim=1, keepdim=True) * direction
        return step.positive, step.x - along.view_as(step.x)

    return GuidanceHooks(before_cfg=(before,))


def _main_direction(a: Tensor, b: Tensor) -> Tensor:
    """The first right singular vector [B, N] of the matrices with rows a and b, both [B, N].

    By the angle that diagonalises the 2 x 2 matrix of their products (a rotation of Jacobi's method).
    """
    aa, ab, bb = (each.sum(dim=1, keepdim=True) for each in (a * a, a * b, b * b))
    angle = torch.atan2(2 * ab, aa - bb) / 2
    return normalize(angle.cos() * a + angle.sin() * b, dim=1)
