"""Tiny autoencoders (TAESD by Ollin Boer Bohan, MIT): as VAEs, and their decoders alone for previews.

Their networks work in the space of diffusion models, where latents have unit variance, on colours in 0..1.
`load_taesd.py` makes them from files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import device as Device

from app.inference.models.weights import PatchedWeights
from app.inference.types import Latent

WIDTH = 64
RATIO = 8
RANGE = 3.0  # larger latents are bent into this
_TENSORS = 6  # of WIDTH channels, as large as the picture, at the peak


@dataclass(frozen=True, kw_only=True)
class LatentScale:
    """How stored latents of a family become those of its models: `(stored - shift) * scale`."""

    scale: float
    shift: float = 0.0


SCALES = {
    "taesd": LatentScale(scale=0.18215),
    "taesdxl": LatentScale(scale=0.13025),
    "taesd3": LatentScale(scale=1.5305, shift=0.0609),
    "taef1": LatentScale(scale=0.3611, shift=0.1159),
}
"""By the name that the files begin with."""


class _Block(nn.Module):
    """Three convolutions and a skip around them."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = (_convolution(WIDTH, WIDTH) for _ in range(3))
        self.conv = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv(x) + x).relu()


class _Bend(nn.Module):
    """Bends numbers smoothly into -3..3."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / RANGE) * RANGE


def _convolution(into: int, out: int, *, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(into, out, 3, stride=stride, padding=1, bias=bias)


def make_encoder(channels: int) -> nn.Sequential:
    """Picture [B, 3, H, W] in 0..1 to latent [B, channels, H/8, W/8]."""
    layers: list[nn.Module] = [_convolution(3, WIDTH), _Block()]
    for _ in range(3):
        layers += [_convolution(WIDTH, WIDTH, stride=2, bias=False), _Block(), _Block(), _Block()]
    return nn.Sequential(*layers, _convolution(WIDTH, channels))


def make_decoder(channels: int) -> nn.Sequential:
    """Latent [B, channels, h, w] to picture [B, 3, 8h, 8w] in 0..1 or a little beyond."""
    layers: list[nn.Module] = [_Bend(), _convolution(channels, WIDTH), nn.ReLU()]
    for _ in range(3):
        layers += [_Block(), _Block(), _Block(), nn.Upsample(scale_factor=2)]
        layers += [_convolution(WIDTH, WIDTH, bias=False)]
    return nn.Sequential(*layers, _Block(), _convolution(WIDTH, 3))


@dataclass(frozen=True, kw_only=True, eq=False)
class TinyDecoder:
    """The decoder alone."""

    weights: PatchedWeights[nn.Sequential]
    channels: int

    @torch.no_grad()
    def __call__(self, denoised: Latent) -> Tensor:
        """Pictures float32 [B, 3, 8h, 8w] in 0..1, on the CPU, of latents in the models' space."""
        with self.weights.at_work():
            x = denoised.to(self.weights.device, self.weights.dtype)
            return self.weights.network(x).float().clamp(0, 1).cpu()


@dataclass(frozen=True, kw_only=True, eq=False)
class TaesdCodec:
    """Encoder and decoder of stored latents; implements `Codec`."""

    encoder: PatchedWeights[nn.Sequential]
    decoder: PatchedWeights[nn.Sequential]
    latent_channels: int
    stored: LatentScale
    ratio: int = RATIO

    @property
    def device(self) -> Device:
        """Where it computes."""
        return self.decoder.device

    @property
    def decoding_bytes(self) -> int:
        """Memory that decoding takes at its peak, per pixel."""
        return _TENSORS * WIDTH * self.decoder.dtype.itemsize

    @property
    def encoding_bytes(self) -> int:
        """Memory that encoding takes at its peak, per pixel."""
        return self.decoding_bytes

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside this block both networks are on the device."""
        with self.encoder.at_work(), self.decoder.at_work():
            yield

    def make_room(self) -> None:
        """Send other networks away from the device."""
        self.decoder.make_room()

    def encode(self, pixels: Tensor) -> Latent:
        """The stored latent of a picture in -1..1."""
        x = (pixels + 1) / 2
        latent = self.encoder.network(x.to(self.device, self.encoder.dtype)).float()
        return latent / self.stored.scale + self.stored.shift

    def decode(self, latent: Latent) -> Tensor:
        """The picture of a stored latent, around -1..1."""
        x = (latent - self.stored.shift) * self.stored.scale
        return self.decoder.network(x.to(self.device, self.decoder.dtype)).float() * 2 - 1
