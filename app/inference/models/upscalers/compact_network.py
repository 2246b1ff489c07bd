"""The compact network of Real-ESRGAN (SRVGGNetCompact): plain convolutions, then pixels out of channels.

`load_upscaler.py` makes it.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle


@dataclass(frozen=True, kw_only=True)
class CompactShape:
    """Width, number of hidden convolutions, and how many times larger the picture becomes."""

    width: int
    hidden: int
    scale: int
    colours: int = 3

    @property
    def peak_numbers(self) -> int:
        """Numbers in memory at the peak, per pixel of the input: three hidden layers and the results."""
        return 3 * self.width + 3 * self.colours * self.scale**2


class CompactNetwork(nn.Module):
    """Picture [B, 3, H, W] in 0..1 to [B, 3, scale * H, scale * W], not clamped: what is added to nearest."""

    def __init__(self, shape: CompactShape) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = [_convolution(shape.colours, shape.width), nn.PReLU(shape.width)]
        for _ in range(shape.hidden):
            layers += [_convolution(shape.width, shape.width), nn.PReLU(shape.width)]
        self.body = nn.Sequential(*layers, _convolution(shape.width, shape.colours * shape.scale**2))

    def forward(self, pictures: Tensor) -> Tensor:
        scale = self.shape.scale
        return pixel_shuffle(self.body(pictures), scale) + interpolate(pictures, scale_factor=scale)


def _convolution(into: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(into, out, 3, padding=1)
