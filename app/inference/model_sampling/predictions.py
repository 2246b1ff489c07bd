"""What a network's output stands for: noise, velocity, the picture, or a mix that depends on the level.

In all but rectified flow the noisy latent is x = picture + sigma * noise (Karras et al. 2022), whose standard
deviation for pictures of variance k^2 is sqrt(sigma^2 + k^2).
"""

import torch
from torch import Tensor

from app.inference.model_sampling.base import Levels
from app.inference.types import Latent, Sigma


class NoisePrediction:
    """The network names the noise: D = x - sigma * output. Ho et al. 2020, in the scale of x."""

    is_flow = False

    def network_input(self, x: Latent, sigma: Sigma) -> Latent:
        """Scale to unit variance."""
        return x / (sigma**2 + 1).sqrt()

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """Take the named noise away."""
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


class VelocityPrediction(NoisePrediction):
    """The network names v = alpha * noise - sigma' * picture of the unit-variance latent.

    Salimans and Ho 2022, section 4: D = x / (sigma^2 + 1) - output * sigma / sqrt(sigma^2 + 1).
    """

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """Walk from the noisy latent against the velocity."""
        return x / (sigma**2 + 1) - output * sigma / (sigma**2 + 1).sqrt()


class EdmPrediction(NoisePrediction):
    """The network names a mix of picture and noise that has unit variance at every level.

    Karras et al. 2022, table 1, with pictures of standard deviation `sigma_data`.
    """

    def __init__(self, *, sigma_data: float = 0.5) -> None:
        self._variance = sigma_data**2
        self._sigma_data = sigma_data

    def network_input(self, x: Latent, sigma: Sigma) -> Latent:
        """Scale to unit variance."""
        return x / (sigma**2 + self._variance).sqrt()

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """c_skip * x + c_out * output."""
        total = sigma**2 + self._variance
        return x * self._variance / total + output * sigma * self._sigma_data / total.sqrt()


class PicturePrediction(NoisePrediction):
    """The network names the picture itself."""

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """The output as it is."""
        return output


class UnscaledPicturePrediction(PicturePrediction):
    """The network takes the noisy latent as it is and names the picture: picture-to-picture networks."""

    def network_input(self, x: Latent, sigma: Sigma) -> Latent:
        """The noisy latent as it is."""
        return x


class ConsistencyPrediction(NoisePrediction):
    """A consistency model: near level 0 the answer is x, above it what the named noise leaves.

    Luo et al. 2023, section 4.1: D = c_skip * x + c_out * (x - sigma * output), with t = 10 * timestep,
    c_skip = 0.25 / (t^2 + 0.25) and c_out = t / sqrt(t^2 + 0.25).
    """

    def __init__(self, levels: Levels) -> None:
        self._levels = levels

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """c_skip * x + c_out * (x - sigma * output)."""
        scaled = self._levels.timestep(sigma) * 10
        skip, kept = 0.25 / (scaled**2 + 0.25), scaled / (scaled**2 + 0.25).sqrt()
        return kept * (x - sigma * output) + skip * x


class OddsFlowPrediction(NoisePrediction):
    """A rectified-flow network on x = picture + sigma * noise, where sigma are the odds of its time.

    With t = sigma / (sigma + 1) the network sees x / (sigma + 1) = (1 - t) * picture + t * noise.
    """

    def network_input(self, x: Latent, sigma: Sigma) -> Latent:
        """The point on the straight line from picture to noise."""
        return x / (sigma + 1)

    def denoised(self, x: Latent, sigma: Sigma, output: Latent) -> Latent:
        """Walk back along the named velocity."""
        return x / (sigma + 1) - output * sigma / (sigma + 1)


class FlowPrediction:
    """Rectified flow, x = (1 - sigma) * picture + sigma * noise; the network names the velocity.

    Liu et al. 2022; Esser et al. 2024.
    """

    is_flow = True

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
