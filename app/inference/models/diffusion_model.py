"""A UNet with the meaning of its output: the denoiser that samplers ask, what a MODEL socket carries."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch import device as Device

from app.inference.latent_format import LatentFormat
from app.inference.model_sampling import ModelSampling
from app.inference.models.unet_shape import UNetShape
from app.inference.preview import LatentRgb
from app.inference.types import Latent, Sigma, Tokens

if TYPE_CHECKING:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel


@dataclass(frozen=True, kw_only=True, eq=False)
class DiffusionModel:
    """A UNet with the meaning of its output; implements `Denoiser`."""

    unet: "UNet2DConditionModel"
    shape: UNetShape
    model_sampling: ModelSampling
    latent_format: LatentFormat
    preview_factors: LatentRgb
    device: Device
    dtype: torch.dtype

    @property
    def channels(self) -> int:
        """Latent channels."""
        return self.shape.in_channels

    @property
    def context_width(self) -> int:
        """Width of the text states that the network attends to."""
        return self.shape.context_width

    @torch.no_grad()
    def denoise(self, x: Latent, sigma: Sigma, context: Tokens) -> Latent:
        """Predict the picture without noise.

        `x` float32 [B, channels, h8, w8] in model space, `sigma` float32 scalar > 0, `context` float32
        [B, tokens, width]. Returns float32 of the shape of `x`. Raises ValueError when the context has
        another width than the network's cross-attention.
        """
        if context.shape[-1] != self.context_width:
            raise ValueError(
                f"The text states are {context.shape[-1]} wide but this model attends to "
                f"{self.context_width}: use the text encoder that belongs to the model."
            )
        sampling = self.model_sampling
        timesteps = sampling.timestep(sigma).expand(x.shape[0])
        scaled = sampling.network_input(x, sigma).to(self.dtype)
        with torch.inference_mode():
            output: Tensor = self.unet(scaled, timesteps, context.to(self.dtype), return_dict=False)[0]
        return sampling.denoised(x, sigma, output.float())
