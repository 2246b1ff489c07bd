"""The value of an UPSCALE_MODEL socket: a network that enlarges pictures; `upscale.py` runs it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from torch import Tensor
from torch import device as Device

from app.inference.models.upscalers.compact_network import CompactNetwork
from app.inference.models.upscalers.rrdb_network import RrdbNetwork
from app.inference.models.weights import PatchedWeights

_FLOAT_BYTES = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Upscaler:
    """Enlarges one tile at a time, in float32."""

    weights: PatchedWeights[RrdbNetwork] | PatchedWeights[CompactNetwork]

    @property
    def scale(self) -> int:
        """How many times larger the picture becomes along each side."""
        return self.weights.network.shape.scale

    @property
    def device(self) -> Device:
        """Where it computes."""
        return self.weights.device

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that it takes at its peak, per pixel of the tile."""
        return self.weights.network.shape.peak_numbers * _FLOAT_BYTES

    def at_work(self) -> AbstractContextManager[None]:
        """Inside this block it can be called: the network is on the device."""
        return self.weights.at_work()

    def make_room(self) -> None:
        """Send other networks away from the device."""
        self.weights.make_room()

    def __call__(self, tile: Tensor) -> Tensor:
        """The tile [1, 3, h, w] in 0..1, `scale` times as large."""
        return self.weights.network(tile.to(self.device, self.weights.dtype)).clamp(0, 1)
