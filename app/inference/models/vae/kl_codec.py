"""The autoencoder of Stable Diffusion (Rombach et al. 2022) as a codec; `load_vae.py` makes it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch import device as Device

from app.inference.models.weights import PatchedWeights
from app.inference.types import Latent

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

# Peak of the outermost level in tensors as large as the picture, measured at 512x512 plus a third:
# input, normalised, activated and convolved numbers of a block, and what its skip connection holds.
_DECODING_TENSORS = 5  # of the second level's width, which the last upsampling hands to the first level
_ENCODING_TENSORS = 6  # of the first level's width


@dataclass(frozen=True, kw_only=True)
class VaeShape:
    """Widths from the picture side inwards, residual blocks per level, latent channels."""

    widths: tuple[int, ...]
    blocks: int
    latent_channels: int
    quant_convs: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class KlCodec:
    """Convolutions and one attention down to a distribution per cell, and back; implements `Codec`."""

    weights: "PatchedWeights[AutoencoderKL]"
    shape: VaeShape
    device: Device
    dtype: torch.dtype

    @property
    def network(self) -> "AutoencoderKL":
        """The module whose tensors `weights` holds."""
        return self.weights.network

    @property
    def ratio(self) -> int:
        """Pixels per latent cell along one side; 8 in Stable Diffusion 1."""
        return 2 ** (len(self.shape.widths) - 1)

    @property
    def latent_channels(self) -> int:
        """Channels of a latent."""
        return self.shape.latent_channels

    @property
    def decoding_bytes(self) -> int:
        """Memory that decoding takes at its peak, per pixel."""
        return _DECODING_TENSORS * max(self.shape.widths[:2]) * self.dtype.itemsize

    @property
    def encoding_bytes(self) -> int:
        """Memory that encoding takes at its peak, per pixel."""
        return _ENCODING_TENSORS * self.shape.widths[0] * self.dtype.itemsize

    def at_work(self) -> AbstractContextManager[None]:
        """Inside this block the network is on the device."""
        return self.weights.at_work()

    def make_room(self) -> None:
        """Send other networks away from the device."""
        self.weights.make_room()

    def encode(self, pixels: Tensor) -> Latent:
        """The mode of the posterior, so that the result has no chance in it."""
        posterior = self.network.encode(pixels.to(self.device, self.dtype), return_dict=False)[0]
        return posterior.mode()

    def decode(self, latent: Latent) -> Tensor:
        """The picture of a stored latent."""
        stored: Any = latent.to(self.device, self.dtype)  # diffusers declares a float32 CPU type
        return self.network.decode(stored, return_dict=False)[0]
