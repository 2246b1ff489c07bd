"""Guidance with its coarse and fine parts scaled apart; the FreSca node adds it.

Huang et al. 2025, "FreSca: Scaling in Frequency Space Enhances Diffusion Models".
"""

import torch
from torch import Tensor
from torch.fft import fft2, fftshift, ifft2, ifftshift

from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent

AXES = (-2, -1)


def frequency_scaling(low: float, high: float, cutoff: int) -> GuidanceHooks:
    """Scale the spectrum of c - u by `low` up to `cutoff` cells around its centre and by `high` beyond.

    Without a negative side nothing changes.
    """

    def before(step: GuidanceStep) -> tuple[Latent, Latent]:
        if not step.is_mixed:
            return step.positive, step.negative
        spectrum = fftshift(fft2(step.positive - step.negative, dim=AXES), dim=AXES)
        scale = _scale(spectrum, low, high, cutoff)
        filtered = ifft2(ifftshift(spectrum * scale, dim=AXES), dim=AXES).real
        return step.negative + filtered, step.negative

    return GuidanceHooks(before_cfg=(before,))


def _scale(spectrum: Tensor, low: float, high: float, cutoff: int) -> Tensor:
    height, width = spectrum.shape[-2:]
    scale = torch.full((height, width), high, device=spectrum.device)
    rows, columns = min(cutoff, height // 2), min(cutoff, width // 2)
    middle_row, middle_column = height // 2, width // 2
    scale[middle_row - rows : middle_row + rows, middle_column - columns : middle_column + columns] = low
    return scale
