"""What a VAE socket's network must be able to do; `vae.py` puts batches, tiles and colours around it."""

from contextlib import AbstractContextManager
from typing import Protocol

from torch import Tensor
from torch import device as Device

from app.inference.types import Latent


class Codec(Protocol):
    """Turns pictures [1, 3, H, W] in -1..1 into stored latents [1, C, H/ratio, W/ratio] and back.

    Both work on one picture of whole cells; inputs may lie on any device, results lie on the codec's own.
    """

    @property
    def ratio(self) -> int:
        """Pixels per latent cell along one side."""
        ...

    @property
    def latent_channels(self) -> int:
        """Channels of a latent."""
        ...

    @property
    def device(self) -> Device:
        """Where it computes."""
        ...

    @property
    def decoding_bytes(self) -> int:
        """Memory that decoding takes at its peak, per pixel of the picture."""
        ...

    @property
    def encoding_bytes(self) -> int:
        """Memory that encoding takes at its peak, per pixel of the picture."""
        ...

    def at_work(self) -> AbstractContextManager[None]:
        """Inside this block `encode` and `decode` can be called: the network is on the device."""
        ...

    def make_room(self) -> None:
        """Free what can be freed of the device's memory, for another try."""
        ...

    def encode(self, pixels: Tensor) -> Latent:
        """The stored latent of a picture; the mode of the distribution where the network gives one."""
        ...

    def decode(self, latent: Latent) -> Tensor:
        """The picture of a stored latent; may leave -1..1."""
        ...
