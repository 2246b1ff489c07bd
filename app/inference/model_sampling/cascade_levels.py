"""Levels of Stable Cascade: the cosine schedule, shifted for the small latents of its first stage."""

import math

import torch
from torch import Tensor

from app.inference.model_sampling.base import NO_LIMIT, LevelsOutOfRange
from app.inference.types import Sigma, Sigmas

OFFSET = 0.008  # keeps the first levels from being too small; Nichol and Dhariwal 2021, section 3.2
ALPHA_BAR_RANGE = (0.0001, 0.9999)
TABLE_LENGTH = 10000


class CascadeLevels:
    """alpha_bar(t) = cos^2((t + c) / (1 + c) * pi/2) / cos^2(c / (1 + c) * pi/2), clamped.

    A `shift` other than 1 adds 2 ln(1 / shift) to the log-SNR (Hoogeboom et al. 2023, section 3.1): 2 in
    stage C, 1 in stage B.
    """

    def __init__(self, *, shift: float = 1.0) -> None:
        if shift <= 0:
            raise LevelsOutOfRange("the shift must be above 0")
        self._shift = shift
        offset = torch.tensor(OFFSET)
        self._first = (offset / (1 + offset) * math.pi * 0.5).cos() ** 2
        self._sigmas = self.sigma(torch.arange(1, TABLE_LENGTH + 1) / TABLE_LENGTH)

    @property
    def sigmas(self) -> Sigmas:
        """float32 [10000], rising."""
        return self._sigmas

    def timestep(self, sigma: Sigma) -> Tensor:
        """The time, 0..1, at which the schedule without shift has this level."""
        alpha_bar = (1 / (sigma**2 + 1)).clamp(0, 1)
        angle = (alpha_bar * self._first.to(sigma.device)).sqrt().acos()
        return angle / (math.pi * 0.5) * (1 + OFFSET) - OFFSET

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of a time, 0..1."""
        angle = (timestep + OFFSET) / (1 + OFFSET) * math.pi * 0.5
        alpha_bar = angle.cos() ** 2 / self._first.to(timestep.device)
        if self._shift != 1:
            log_snr = (alpha_bar / (1 - alpha_bar)).log() + 2 * math.log(1 / self._shift)
            alpha_bar = log_snr.sigmoid()
        alpha_bar = alpha_bar.clamp(*ALPHA_BAR_RANGE)
        return ((1 - alpha_bar) / alpha_bar).sqrt()

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the schedule."""
        if percent <= 0:
            return NO_LIMIT
        if percent >= 1:
            return 0.0
        return self.sigma(torch.tensor(1 - percent)).item()
