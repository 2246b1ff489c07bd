"""Guidance whose result keeps the contrast of the positive prediction; the RescaleCFG node adds it.

Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", section 3.4.
"""

from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent, Sigma


def rescale_cfg(multiplier: float) -> GuidanceHooks:
    """Mix both sides in velocity space and give the mixture the positive side's deviation.

    `multiplier` in 0..1 blends from the plain mixture to the rescaled one. With velocities c and u and
    m = u + (c - u) * cfg the result is multiplier * m * std(c) / std(m) + (1 - multiplier) * m.
    """

    def replace(step: GuidanceStep) -> Latent:
        positive = _velocity(step.positive, step.x, step.sigma)
        negative = _velocity(step.negative, step.x, step.sigma)
        plain = negative + (positive - negative) * step.cfg
        rescaled = plain * (_deviation(positive) / _deviation(plain))
        return _denoised(multiplier * rescaled + (1 - multiplier) * plain, step.x, step.sigma)

    return GuidanceHooks(replace_cfg=replace)


def _velocity(denoised: Latent, x: Latent, sigma: Sigma) -> Latent:
    power = sigma**2 + 1
    return (x / power - denoised) * power.sqrt() / sigma


def _denoised(velocity: Latent, x: Latent, sigma: Sigma) -> Latent:
    power = sigma**2 + 1
    return x / power - velocity * sigma / power.sqrt()


def _deviation(latent: Latent) -> Latent:
    """Standard deviation of each picture, unbiased: [B, 1, 1, 1]."""
    return latent.std(dim=(1, 2, 3), keepdim=True)
