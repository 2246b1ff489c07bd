"""What sampling asks of a diffusion model; `models/diffusion_model.py` answers, `sample.py` asks."""

from typing import Protocol

from torch import device as Device

from app.inference.latent_format import LatentFormat
from app.inference.model_sampling import ModelSampling
from app.inference.types import Latent, Sigma, Tokens


class Denoiser(Protocol):
    """A diffusion model seen as a function from a noisy latent to its denoised prediction."""

    @property
    def model_sampling(self) -> ModelSampling:
        """Noise levels of the model and what its output means."""
        ...

    @property
    def latent_format(self) -> LatentFormat:
        """How stored latents are mapped to the numbers the network was trained on."""
        ...

    @property
    def channels(self) -> int:
        """Latent channels that the model works on: 4 in SD1, 16 in Flux."""
        ...

    @property
    def device(self) -> Device:
        """Where `denoise` expects its tensors."""
        ...

    def denoise(self, x: Latent, sigma: Sigma, context: Tokens) -> Latent:
        """Predict the picture without noise.

        `x` float32 [B, channels, h8, w8] in model space, `sigma` float32 scalar > 0, `context` float32
        [B, tokens, width]; B counts positive and negative copies alike. Returns float32 of the shape of `x`.
        """
        ...
