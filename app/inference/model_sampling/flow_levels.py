"""Levels of rectified flow: sigma is the time from picture (0) to noise (1), shifted towards noise.

Esser et al. 2024, section 5.3.2: larger pictures need more noise to hide their structure, so a share t of the
schedule is mapped to a later time.
"""

import math

import torch
from torch import Tensor

from app.inference.model_sampling.base import LevelsOutOfRange
from app.inference.types import Sigma, Sigmas

FLUX_TABLE_LENGTH = 10000
TABLE_LENGTH = 1000


class ShiftedLevels:
    """sigma = shift * t / (1 + (shift - 1) * t): Stable Diffusion 3, AuraFlow, Flux schnell.

    `shift` > 0; `multiplier` is what the network counts a whole schedule as, 1000 in Stable Diffusion 3.
    """

    def __init__(self, *, shift: float, multiplier: float = 1000.0) -> None:
        if shift <= 0:
            raise LevelsOutOfRange("the shift must be above 0")
        self._shift = shift
        self._multiplier = multiplier
        self._sigmas = self.sigma(torch.arange(1, TABLE_LENGTH + 1) / TABLE_LENGTH * multiplier)

    @property
    def sigmas(self) -> Sigmas:
        """float32 [1000], rising to 1."""
        return self._sigmas

    def timestep(self, sigma: Sigma) -> Tensor:
        """The level in the network's own unit."""
        return sigma * self._multiplier

    def sigma(self, timestep: Tensor) -> Sigma:
        """Shifted level of a time in the network's unit."""
        time = timestep / self._multiplier
        return self._shift * time / (1 + (self._shift - 1) * time)

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the schedule, in float64; 0 is full noise."""
        if percent <= 0:
            return 1.0
        if percent >= 1:
            return 0.0
        time = 1 - percent
        return self._shift * time / (1 + (self._shift - 1) * time)


class FluxLevels:
    """sigma = e^mu / (e^mu + 1/t - 1): the same shift, e^mu, written as Flux does.

    `mu` is the shift at the wanted picture size; sigma itself is the network's index.
    """

    def __init__(self, *, mu: float = 1.15) -> None:
        self._mu = mu
        self._sigmas = self.sigma(torch.arange(1, FLUX_TABLE_LENGTH + 1) / FLUX_TABLE_LENGTH)

    @property
    def sigmas(self) -> Sigmas:
        """float32 [10000], rising to 1."""
        return self._sigmas

    def timestep(self, sigma: Sigma) -> Tensor:
        """The level itself."""
        return sigma

    def sigma(self, timestep: Tensor) -> Sigma:
        """Shifted level of a time."""
        shift = math.exp(self._mu)
        return shift / (shift + (1 / timestep - 1))

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the schedule, in float64; 0 is full noise."""
        if percent <= 0:
            return 1.0
        if percent >= 1:
            return 0.0
        shift = math.exp(self._mu)
        return shift / (shift + (1 / (1 - percent) - 1))
