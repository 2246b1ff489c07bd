"""Noise levels of model families and the meaning of a network's output; samplers and schedules ask here.

Tables and formulas: DDPM (Ho et al. 2020) written in sigma as in Karras et al. 2022; rectified flow as in
Esser et al. 2024. Arithmetic is float32 unless a line says otherwise: a detour through float64 changes the
last digits of the schedules people compare pictures by.
"""

import math
from typing import Protocol

import torch
from torch import Tensor

from app.inference.types import Latent, Sigma, Sigmas

NO_LIMIT = 999999999.9  # sigma of "0 percent": above every noise level


class ModelSampling(Protocol):
    """What sampling needs to know about a family of models."""

    @property
    def sigmas(self) -> Sigmas:
        """float32 [levels], rising table of the noise levels seen in training."""
        ...

    @property
    def sigma_min(self) -> float:
        """Smallest level of the table."""
        ...

    @property
    def sigma_max(self) -> float:
        """Largest level of the table."""
        ...

    @property
    def is_flow(self) -> bool:
        """Whether the picture fades while noise grows (rectified flow)."""
        ...

    def timestep(self, sigma: Sigma) -> Tensor:
        """The network's own index of a level."""
        ...

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of a timestep."""
        ...

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the schedule."""
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


class EpsSampling:
    """Discrete noise prediction with the scaled-linear betas of Stable Diffusion 1, 2 and XL."""

    is_flow = False

    def __init__(self, *, beta_first: float = 0.00085, beta_last: float = 0.012, levels: int = 1000) -> None:
        roots = torch.linspace(beta_first**0.5, beta_last**0.5, levels, dtype=torch.float64)
        alpha_bar = torch.cumprod(1 - roots**2, dim=0)
        table = ((1 - alpha_bar) / alpha_bar).sqrt()  # float64 up to here, logarithm included
        self._sigmas = table.float()
        self._log_sigmas = table.log().float()

    @property
    def sigmas(self) -> Sigmas:
        """float32 [levels], rising table of the noise levels seen in training."""
        return self._sigmas

    @property
    def sigma_min(self) -> float:
        """Smallest level of the table."""
        return self._sigmas[0].item()

    @property
    def sigma_max(self) -> float:
        """Largest level of the table."""
        return self._sigmas[-1].item()

    def timestep(self, sigma: Sigma) -> Tensor:
        """Index of the nearest level on the logarithmic scale, as a float tensor of the shape of `sigma`."""
        distance = (sigma.log().unsqueeze(-1) - self._log_sigmas.to(sigma.device)).abs()
        return distance.argmin(dim=-1).float()

    def sigma(self, timestep: Tensor) -> Sigma:
        """Level of a timestep, log-linear between the table's entries; clamped to the table."""
        position = timestep.float().clamp(0, len(self._sigmas) - 1)
        low, high, weight = position.floor().long(), position.ceil().long(), position.frac()
        logs = self._log_sigmas.to(timestep.device)
        return ((1 - weight) * logs[low] + weight * logs[high]).exp()

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the schedule; 0 means no limit and 1 means no noise at all."""
        if percent <= 0:
            return NO_LIMIT
        if percent >= 1:
            return 0.0
        return self.sigma(torch.tensor((1 - percent) * (len(self._sigmas) - 1))).item()

    def network_input(self, x: Latent, sigma: Sigma) -> Latent:
        """Scale to unit variance."""
        return x / (sigma**2 + 1).sqrt()

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """The network names the noise: take it away."""
        return x - sigma * output

    def noise_scaling(self, sigma: Sigma, noise: Latent, latent: Latent, *, max_denoise: bool) -> Latent:
        """Noise of level `sigma` on the latent; at the very top the picture's own variance counts as well."""
        level = (1 + sigma**2).sqrt() if max_denoise else sigma
        return noise * level + latent

    def inverse_noise_scaling(self, sigma: Sigma, x: Latent) -> Latent:
        """The picture never faded, so nothing is to be taken back."""
        return x

    def alpha(self, sigma: Sigma) -> Tensor:
        """The picture keeps its full size."""
        return torch.ones_like(sigma)

    def half_log_snr(self, sigma: Sigma) -> Tensor:
        """-ln sigma."""
        return sigma.log().neg()

    def sigma_of_half_log_snr(self, half_log_snr: Tensor) -> Sigma:
        """exp(-lambda)."""
        return half_log_snr.neg().exp()


class FlowSampling:
    """Rectified flow with the resolution-dependent shift of Flux (Esser et al. 2024, section 5.3.2).

    `mu` is the shift at the wanted picture size; sigma is the timestep itself, between 0 and 1.
    """

    is_flow = True

    def __init__(self, *, mu: float = 1.15, levels: int = 10000) -> None:
        self._mu = mu
        self._sigmas = self.sigma(torch.arange(1, levels + 1) / levels)

    @property
    def sigmas(self) -> Sigmas:
        """float32 [levels], rising table of the noise levels."""
        return self._sigmas

    @property
    def sigma_min(self) -> float:
        """Smallest level of the table."""
        return self._sigmas[0].item()

    @property
    def sigma_max(self) -> float:
        """Largest level of the table, 1."""
        return self._sigmas[-1].item()

    def timestep(self, sigma: Sigma) -> Tensor:
        """The level itself."""
        return sigma

    def sigma(self, timestep: Tensor) -> Sigma:
        """Shifted timestep."""
        shift = math.exp(self._mu)
        return shift / (shift + (1 / timestep - 1))

    def percent_to_sigma(self, percent: float) -> float:
        """Level after a share (0..1) of the schedule, in float64."""
        if percent <= 0:
            return 1.0
        if percent >= 1:
            return 0.0
        shift = math.exp(self._mu)
        return shift / (shift + (1 / (1 - percent) - 1))

    def network_input(self, x: Latent, sigma: Sigma) -> Latent:
        """The noisy latent as it is."""
        return x

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """The network names the velocity from picture to noise: walk back."""
        return x - sigma * output

    def noise_scaling(self, sigma: Sigma, noise: Latent, latent: Latent, *, max_denoise: bool) -> Latent:
        """Straight line from the latent to the noise; the top of the schedule is no special case."""
        return sigma * noise + (1 - sigma) * latent

    def inverse_noise_scaling(self, sigma: Sigma, x: Latent) -> Latent:
        """Bring a picture that faded to `1 - sigma` back to full size; `sigma` < 1."""
        return x / (1 - sigma)

    def alpha(self, sigma: Sigma) -> Tensor:
        """The picture fades as noise grows."""
        return 1 - sigma

    def half_log_snr(self, sigma: Sigma) -> Tensor:
        """Log-odds of the level."""
        return ((1 - sigma) / sigma).log()

    def sigma_of_half_log_snr(self, half_log_snr: Tensor) -> Sigma:
        """1 / (1 + exp(lambda))."""
        return 1 / (1 + half_log_snr.exp())
