"""Guidance away from a prediction without structure; the PerturbedAttentionGuidance node adds it.

Ahn et al. 2024, "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance".
"""

from torch import Tensor

from app.inference.hooks.guidance import NO_GUIDANCE_HOOKS, GuidanceHooks, GuidanceStep
from app.inference.hooks.network import NetworkCall, NetworkHooks, Place
from app.inference.types import Latent


def perturbed_attention(scale: float) -> GuidanceHooks:
    """D + (c - p) * scale, p being c with every self-attention of the middle block replaced by its values.

    One network call more per step; none where `scale` is 0.
    """
    if scale == 0:
        return NO_GUIDANCE_HOOKS

    def after(step: GuidanceStep, denoised: Latent) -> Latent:
        perturbed = step.evaluate(0, step.x, hooks=_IDENTITY)
        return denoised + (step.positive - perturbed) * scale

    return GuidanceHooks(after_cfg=(after,))


def _values_alone(
    _q: Tensor, _k: Tensor, v: Tensor, _heads: int, place: Place, _call: NetworkCall
) -> Tensor | None:
    return v if place.section == "middle" and place.kind == "self" else None


_IDENTITY = NetworkHooks(attention_core=(_values_alone,))
