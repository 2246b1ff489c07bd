"""Guidance that follows the positive prediction where both sides agree; the Mahiro node adds it.

An unpublished rule that people's workflows carry: it looks at the direction of the text's effect rather than
at its size.
"""

from torch import Tensor
from torch.nn.functional import cosine_similarity

from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent


def mahiro() -> GuidanceHooks:
    """(q D + (4 - q) L) / 4 with L = c * cfg and q = 2 (1 + likeness of the scaled negative to (L + D) / 2).

    Likeness is the mean over the batch and all cells of the cosine over the channels, taken of signed square
    roots.
    """

    def after(step: GuidanceStep, denoised: Latent) -> Latent:
        leap = step.positive * step.cfg
        between = (leap + denoised) / 2
        cosines = cosine_similarity(_signed_root(step.negative * step.cfg), _signed_root(between), dim=1)
        share = 2 * (cosines.mean() + 1)
        return (share * denoised + (4 - share) * leap) / 4

    return GuidanceHooks(after_cfg=(after,))


def _signed_root(z: Tensor) -> Tensor:
    return z.sign() * z.abs().sqrt()
