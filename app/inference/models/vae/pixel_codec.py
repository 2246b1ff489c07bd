"""The VAE of models that work on pixels: no network at all; the VAE loader offers it as `pixel_space`."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from torch import Tensor
from torch import device as Device

from app.inference.memory.devices import CPU
from app.inference.types import Latent


@dataclass(frozen=True, kw_only=True)
class PixelCodec:
    """A latent is the picture itself, its three colours in -1..1; implements `Codec`."""

    ratio: int = 1
    latent_channels: int = 3
    device: Device = CPU
    decoding_bytes: int = 0
    encoding_bytes: int = 0

    def at_work(self) -> AbstractContextManager[None]:
        """There is nothing to be brought to a device."""
        return nullcontext()

    def make_room(self) -> None:
        """There is nothing that needs room."""

    def encode(self, pixels: Tensor) -> Latent:
        """The picture itself."""
        return pixels

    def decode(self, latent: Latent) -> Tensor:
        """The latent itself."""
        return latent
