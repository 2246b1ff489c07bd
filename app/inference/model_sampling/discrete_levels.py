"""Levels of the models trained on a thousand numbered noise levels: Stable Diffusion 1, 2 and XL, and LCM."""

import torch
from torch import Tensor

from app.inference.model_sampling.base import NO_LIMIT
from app.inference.types import Sigma, Sigmas

LAST_ALPHA_BAR = 4.8973451890853435e-08  # stands for zero, so that the last sigma is finite
LCM_STRIDE = 20  # 1000 training levels seen by 50 distillation steps; Luo et al. 2023, section 4.3


class DiscreteLevels:
    """The table of scaled-linear betas and log-linear interpolation in it.

    sqrt(beta) rises linearly, alpha_bar = prod(1 - beta), sigma = sqrt((1 - alpha_bar) / alpha_bar) (Ho et
    al. 2020; Rombach et al. 2022). With `zero_terminal_snr` sqrt(alpha_bar) is shifted and stretched so that
    the last level holds no picture any more (Lin et al. 2023, algorithm 1).
    """

    def __init__(
        self,
        *,
        beta_first: float = 0.00085,
        beta_last: float = 0.012,
        levels: int = 1000,
        zero_terminal_snr: bool = False,
    ) -> None:
        self.zero_terminal_snr = zero_terminal_snr
        roots = torch.linspace(beta_first**0.5, beta_last**0.5, levels, dtype=torch.float64)
        alpha_bar = torch.cumprod(1 - roots**2, dim=0)
        if zero_terminal_snr:
            alpha_bar = _without_terminal_signal(alpha_bar)
        table = ((1 - alpha_bar) / alpha_bar).sqrt()  # float64 up to here, logarithm included
        self._sigmas = table.float()
        self._log_sigmas = table.log().float()

    @property
    def sigmas(self) -> Sigmas:
        """float32 [levels], rising."""
        return self._sigmas

    @property
    def log_sigmas(self) -> Tensor:
        """float32 [levels], their natural logarithms."""
        return self._log_sigmas

    def timestep(self, sigma: Sigma) -> Tensor:
        """Index of the nearest level on the logarithmic scale."""
        return _nearest(self._log_sigmas, sigma)

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of a timestep, log-linear between the table's entries; clamped to the table."""
        return _interpolated(self._log_sigmas, timestep.float())

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the timesteps."""
        if percent <= 0:
            return NO_LIMIT
        if percent >= 1:
            return 0.0
        return self.sigma(torch.tensor((1 - percent) * (len(self._sigmas) - 1))).item()


class LcmLevels:
    """Every twentieth level of a discrete table, those that latent consistency models were distilled on."""

    def __init__(self, full: DiscreteLevels) -> None:
        self._last = len(full.sigmas) - 1
        self._sigmas = full.sigmas[LCM_STRIDE - 1 :: LCM_STRIDE]
        # from the rounded levels: which of two neighbours is nearer to a level between them depends on it
        self._log_sigmas = self._sigmas.double().log().float()

    @property
    def sigmas(self) -> Sigmas:
        """float32 [50], rising."""
        return self._sigmas

    def timestep(self, sigma: Sigma) -> Tensor:
        """Index in the full table, 19, 39, ... 999, of the nearest level."""
        return _nearest(self._log_sigmas, sigma) * LCM_STRIDE + (LCM_STRIDE - 1)

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of a timestep of the full table, log-linear between the fifty; clamped to them."""
        return _interpolated(self._log_sigmas, (timestep.float() - (LCM_STRIDE - 1)) / LCM_STRIDE)

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the full table's timesteps."""
        if percent <= 0:
            return NO_LIMIT
        if percent >= 1:
            return 0.0
        return self.sigma(torch.tensor((1 - percent) * self._last)).item()


def _without_terminal_signal(alpha_bar: Tensor) -> Tensor:
    roots = alpha_bar.sqrt()
    stretched = (roots - roots[-1]) * (roots[0] / (roots[0] - roots[-1]))
    rescaled = stretched**2
    rescaled[-1] = LAST_ALPHA_BAR
    return rescaled


def _nearest(log_sigmas: Tensor, sigma: Sigma) -> Tensor:
    distance = (sigma.log().unsqueeze(-1) - log_sigmas.to(sigma.device)).abs()
    return distance.argmin(dim=-1).float()


def _interpolated(log_sigmas: Tensor, place: Tensor) -> Sigma:
    place = place.clamp(0, len(log_sigmas) - 1)
    low, high, weight = place.floor().long(), place.ceil().long(), place.frac()
    logs = log_sigmas.to(place.device)
    return ((1 - weight) * logs[low] + weight * logs[high]).exp()
