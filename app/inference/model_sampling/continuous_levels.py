"""Levels of the models trained on a continuous range of noise: EDM, Playground 2.5, CosXL, SVD, Cosmos."""

import math

import torch
from torch import Tensor

from app.inference.model_sampling.base import NO_LIMIT, LevelsOutOfRange
from app.inference.types import Sigma, Sigmas

TABLE_LENGTH = 1000  # entries for schedulers that pick from a table


class _LogRange:
    """A range of levels, evenly spaced on the logarithmic scale; 0 < `sigma_min` <= `sigma_max`."""

    def __init__(self, *, sigma_min: float, sigma_max: float) -> None:
        if not 0 < sigma_min <= sigma_max:
            raise LevelsOutOfRange("sigma_min must be above 0 and not above sigma_max")
        self.sigma_range = (sigma_min, sigma_max)
        self._sigmas = torch.linspace(math.log(sigma_min), math.log(sigma_max), TABLE_LENGTH).exp()

    @property
    def sigmas(self) -> Sigmas:
        """float32 [1000], rising, evenly spaced on the logarithmic scale."""
        return self._sigmas

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the logarithmic range."""
        if percent <= 0:
            return NO_LIMIT
        if percent >= 1:
            return 0.0
        low, high = math.log(self._sigmas[0].item()), math.log(self._sigmas[-1].item())
        return math.exp((low - high) * percent + high)


class EdmLevels(_LogRange):
    """The network's index is ln(sigma) / 4; Karras et al. 2022, table 1."""

    def timestep(self, sigma: Sigma) -> Tensor:
        """A quarter of the logarithm."""
        return 0.25 * sigma.log()

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of an index."""
        return (timestep / 0.25).exp()


class AngleLevels(_LogRange):
    """The network's index is the angle between picture and noise as a share of a right angle.

    Salimans and Ho 2022, appendix D, in sigma = tan(angle): continuous v-prediction.
    """

    def timestep(self, sigma: Sigma) -> Tensor:
        """Between 0 and 1."""
        return sigma.atan() / math.pi * 2

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of an angle."""
        return (timestep * math.pi * 0.5).tan()


class OddsLevels(_LogRange):
    """The network's index is the time of rectified flow, sigma / (sigma + 1), as Cosmos models take it."""

    def timestep(self, sigma: Sigma) -> Tensor:
        """Between 0 and 1."""
        return sigma / (sigma + 1)

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of a time below 1."""
        return timestep / (1 - timestep)
