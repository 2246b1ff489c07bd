"""The network of ESRGAN (Wang et al. 2018) and Real-ESRGAN (Wang et al. 2021), which enlarges pictures.

Residual blocks in residual blocks with dense connections; `load_upscaler.py` makes it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pad, pixel_unshuffle

RESIDUAL = 0.2  # share of a block's result that is added to its input; section 3.1 of the paper
SLOPE = 0.2
MULTIPLE = 4  # pixels; what networks that unshuffle take, in recorded pictures also those that need only 2


@dataclass(frozen=True, kw_only=True)
class RrdbShape:
    """Widths and counts; `unshuffle` x `unshuffle` pixels become channels before the first layer."""

    width: int
    growth: int
    blocks: int
    doublings: int
    unshuffle: int = 1
    colours: int = 3

    @property
    def scale(self) -> int:
        """How many times larger the picture becomes along each side."""
        return 2**self.doublings // self.unshuffle

    @property
    def peak_numbers(self) -> int:
        """Numbers in memory at the peak, per pixel of the input: four tensors as large as the result."""
        return 4 * self.width * self.scale**2


class _Dense(nn.Module):
    """Five convolutions, each of which sees the results of all before it."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for k in range(4):
            self.add_module(f"conv{k + 1}", _convolution(width + k * growth, growth))
        self.conv5 = _convolution(width + 4 * growth, width)

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for k in range(4):
            seen.append(_rectified(self.get_submodule(f"conv{k + 1}")(torch.cat(seen, dim=1))))
        return self.conv5(torch.cat(seen, dim=1)) * RESIDUAL + x


class _Block(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (_Dense(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.rdb3(self.rdb2(self.rdb1(x))) * RESIDUAL + x


class RrdbNetwork(nn.Module):
    """Picture [B, 3, H, W] in 0..1 to [B, 3, scale * H, scale * W], not clamped."""

    def __init__(self, shape: RrdbShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.conv_first = _convolution(shape.colours * shape.unshuffle**2, width)
        self.body = nn.Sequential(*(_Block(width, shape.growth) for _ in range(shape.blocks)))
        self.conv_body = _convolution(width, width)
        for k in range(shape.doublings):
            self.add_module(f"conv_up{k + 1}", _convolution(width, width))
        self.conv_hr = _convolution(width, width)
        self.conv_last = _convolution(width, shape.colours)

    def forward(self, pictures: Tensor) -> Tensor:
        height, width = (side * self.shape.scale for side in pictures.shape[-2:])
        x = self.conv_first(_unshuffled(pictures, self.shape.unshuffle))
        x = x + self.conv_body(self.body(x))
        for k in range(self.shape.doublings):
            x = _rectified(self.get_submodule(f"conv_up{k + 1}")(interpolate(x, scale_factor=2)))
        return self.conv_last(_rectified(self.conv_hr(x)))[..., :height, :width]


def _convolution(into: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(into, out, 3, padding=1)


def _rectified(x: Tensor) -> Tensor:
    return leaky_relu(x, SLOPE, inplace=not x.requires_grad)


def _unshuffled(pictures: Tensor, factor: int) -> Tensor:
    """Pixels to channels; sides that MULTIPLE does not divide are continued by their mirror image."""
    if factor == 1:
        return pictures
    height, width = pictures.shape[-2:]
    right, bottom = -width % MULTIPLE, -height % MULTIPLE
    mode = "reflect" if right < width and bottom < height else "replicate"  # too narrow for its mirror image
    return pixel_unshuffle(pad(pictures, (0, right, 0, bottom), mode=mode), factor)
