"""The two halves of a model's sampling: the noise levels it knows and the meaning of its output.

Arithmetic is float32 unless a line says otherwise: a detour through float64 changes the last digits of the
schedules people compare pictures by.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from app.inference.types import Latent, Sigma, Sigmas

NO_LIMIT = 999999999.9  # sigma of "0 percent": above every noise level


class LevelsOutOfRange(ValueError):
    """No noise levels can be made from these numbers."""

    code = "levels_out_of_range"

    def __init__(self, rule: str) -> None:
        super().__init__(f"No noise levels can be made from these numbers: {rule}.")


class Levels(Protocol):
    """The noise levels of a family of models and the network's own index of them."""

    @property
    def sigmas(self) -> Sigmas:
        """float32 [levels], rising table of the noise levels seen in training."""
        ...

    def timestep(self, sigma: Sigma) -> Tensor:
        """The network's own index of a level, a float tensor of the shape of `sigma`."""
        ...

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of a timestep."""
        ...

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the schedule; 0 means no limit and 1 means no noise at all."""
        ...


class Prediction(Protocol):
    """What a network is fed, what its output stands for, and how pictures and noise are mixed for it."""

    @property
    def is_flow(self) -> bool:
        """Whether the picture fades while noise grows (rectified flow)."""
        ...

    def network_input(self, x: Latent, sigma: Sigma) -> Latent:
        """What the network is fed for the noisy latent `x`."""
        ...

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """The denoised prediction that the network's output stands for."""
        ...

    def noise_scaling(self, sigma: Sigma, noise: Latent, latent: Latent, *, max_denoise: bool) -> Latent:
        """The noisy latent at level `sigma`; `max_denoise` when the schedule starts at the very top."""
        ...

    def inverse_noise_scaling(self, sigma: Sigma, x: Latent) -> Latent:
        """Take the fading of the picture back after the last step, which ended at `sigma`."""
        ...

    def alpha(self, sigma: Sigma) -> Tensor:
        """Factor of the picture in the noisy latent."""
        ...

    def half_log_snr(self, sigma: Sigma) -> Tensor:
        """ln(alpha / sigma)."""
        ...

    def sigma_of_half_log_snr(self, half_log_snr: Tensor) -> Sigma:
        """Inverse of `half_log_snr`."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelSampling:
    """What sampling needs to know about a model: its noise levels and the meaning of its output."""

    levels: Levels
    prediction: Prediction

    @property
    def sigmas(self) -> Sigmas:
        """float32 [levels], rising table of the noise levels seen in training."""
        return self.levels.sigmas

    @property
    def sigma_min(self) -> float:
        """Smallest level of the table."""
        return self.levels.sigmas[0].item()

    @property
    def sigma_max(self) -> float:
        """Largest level of the table."""
        return self.levels.sigmas[-1].item()

    @property
    def is_flow(self) -> bool:
        """Whether the picture fades while noise grows (rectified flow)."""
        return self.prediction.is_flow

    def timestep(self, sigma: Sigma) -> Tensor:
        """The network's own index of a level, a float tensor of the shape of `sigma`."""
        return self.levels.timestep(sigma)

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of a timestep."""
        return self.levels.sigma(timestep)

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the schedule; 0 means no limit and 1 means no noise at all."""
        return self.levels.percent_to_sigma(percent)

    def network_input(self, x: Latent, sigma: Sigma) -> Latent:
        """What the network is fed for the noisy latent `x`."""
        return self.prediction.network_input(x, sigma)

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """The denoised prediction that the network's output stands for."""
        return self.prediction.denoised(x, sigma, output)

    def noise_scaling(self, sigma: Sigma, noise: Latent, latent: Latent, *, max_denoise: bool) -> Latent:
        """The noisy latent at level `sigma`; `max_denoise` when the schedule starts at the very top."""
        return self.prediction.noise_scaling(sigma, noise, latent, max_denoise=max_denoise)

    def inverse_noise_scaling(self, sigma: Sigma, x: Latent) -> Latent:
        """Take the fading of the picture back after the last step, which ended at `sigma`."""
        return self.prediction.inverse_noise_scaling(sigma, x)

    def alpha(self, sigma: Sigma) -> Tensor:
        """Factor of the picture in the noisy latent."""
        return self.prediction.alpha(sigma)

    def half_log_snr(self, sigma: Sigma) -> Tensor:
        """ln(alpha / sigma)."""
        return self.prediction.half_log_snr(sigma)

    def sigma_of_half_log_snr(self, half_log_snr: Tensor) -> Sigma:
        """Inverse of `half_log_snr`."""
        return self.prediction.sigma_of_half_log_snr(half_log_snr)
