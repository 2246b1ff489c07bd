"""Mixes two pictures by the blend modes of picture editors; the blend node calls it."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from app.inference.pictures.batches import matched
from app.inference.pictures.channels import with_channels
from app.inference.pictures.images import Image
from app.inference.pictures.resize import resize_image


def blend(first: Image, second: Image, factor: float, mode: str) -> Image:
    """`first` turning by `factor` (0..1) into what `mode` makes of both; clipped to 0..1.

    `second` gets the channels of `first` and is fitted to its size, cut around its centre.
    """
    second = with_channels(second, first.shape[-1])
    if first.shape[1:3] != second.shape[1:3]:
        second = resize_image(second, first.shape[2], first.shape[1], "bicubic", crop=True)
    matched(first, second)
    return (first * (1 - factor) + MODES[mode](first, second) * factor).clamp(0, 1)


def _overlay(a: Tensor, b: Tensor) -> Tensor:
    return torch.where(a <= 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b))


def _soft_light(a: Tensor, b: Tensor) -> Tensor:
    """As the W3C's Compositing and Blending Level 1, section 10.2, with `a` as backdrop."""
    root = torch.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, a.sqrt())
    return torch.where(b <= 0.5, a - (1 - 2 * b) * a * (1 - a), a + (2 * b - 1) * (root - a))


MODES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "normal": lambda a, b: b,
    "multiply": lambda a, b: a * b,
    "screen": lambda a, b: 1 - (1 - a) * (1 - b),
    "overlay": _overlay,
    "soft_light": _soft_light,
    "difference": lambda a, b: a - b,
}
"""By name, in the order of the menu; difference keeps its sign until the mixture is clipped."""
