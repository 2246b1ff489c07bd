"""Noise predictions made a little smaller; the Epsilon Scaling node adds it.

Ning et al. 2024, "Elucidating the Exposure Bias in Diffusion Models".
"""

from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent


def epsilon_scaling(factor: float) -> GuidanceHooks:
    """x - (x - D) / factor, which undoes what errors of earlier steps add to the noise; `factor` > 0."""

    def after(step: GuidanceStep, denoised: Latent) -> Latent:
        return step.x - (step.x - denoised) / factor

    return GuidanceHooks(after_cfg=(after,))
