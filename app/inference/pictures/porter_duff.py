"""Composes two pictures with opacity by the rules of Porter and Duff 1984 and the usual blend modes."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from app.inference.errors import ChannelsDoNotFit
from app.inference.pictures.compositing import stretch_mask
from app.inference.pictures.images import Image
from app.inference.pictures.resize import resize_image
from app.inference.types import Mask

Rule: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(source's opacity a, destination's opacity b, colours s and d times their opacity) -> (opacity, colour)."""

VISIBLE = 1e-5  # opacity from which on a colour can be told


def compose(
    source: Image, source_mask: Mask, destination: Image, destination_mask: Mask, mode: str
) -> tuple[Image, Mask]:
    """Both pictures as one, and its mask; masks are 1 where a picture is transparent.

    Everything is fitted to the size of `destination`, cut around the centre; the shortest batch counts.
    Raises ChannelsDoNotFit for pictures with different numbers of channels.
    """
    if source.shape[-1] != destination.shape[-1]:
        raise ChannelsDoNotFit(
            f"The source has {source.shape[-1]} channels and the destination {destination.shape[-1]}: "
            "split off the alpha channel of the one that has it."
        )
    count = min(len(each) for each in (source, source_mask, destination, destination_mask))
    height, width = destination.shape[1:3]
    a = 1 - stretch_mask(source_mask[:count], width, height, "bicubic", crop=True).unsqueeze(-1)
    b = 1 - stretch_mask(destination_mask[:count], width, height, "bicubic", crop=True).unsqueeze(-1)
    s = resize_image(source[:count], width, height, "bicubic", crop=True) * a
    d = destination[:count] * b
    opacity, colour = RULES[mode](a, b, s, d)
    colour = torch.where(opacity > VISIBLE, colour / opacity, 0.0).clamp(0, 1)
    return colour, 1 - opacity.squeeze(-1)


def _union(a: Tensor, b: Tensor) -> Tensor:
    return a + b - a * b


def _overlay(a: Tensor, b: Tensor, s: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    # the bright half has its operands crossed; people's pictures were made with it
    return _union(a, b), torch.where(2 * d < b, 2 * s * d, a * b - 2 * (b - s) * (a - d))


RULES: Mapping[str, Rule] = {
    "ADD": lambda a, b, s, d: ((a + b).clamp(0, 1), (s + d).clamp(0, 1)),
    "CLEAR": lambda a, b, s, d: (torch.zeros_like(b), torch.zeros_like(d)),
    "DARKEN": lambda a, b, s, d: (_union(a, b), (1 - b) * s + (1 - a) * d + torch.minimum(s, d)),
    "DST": lambda a, b, s, d: (b, d),
    "DST_ATOP": lambda a, b, s, d: (a, a * d + (1 - b) * s),
    "DST_IN": lambda a, b, s, d: (a * b, d * a),
    "DST_OUT": lambda a, b, s, d: ((1 - a) * b, (1 - a) * d),
    "DST_OVER": lambda a, b, s, d: (b + (1 - b) * a, d + (1 - b) * s),
    "LIGHTEN": lambda a, b, s, d: (_union(a, b), (1 - b) * s + (1 - a) * d + torch.maximum(s, d)),
    "MULTIPLY": lambda a, b, s, d: (a * b, s * d),
    "OVERLAY": _overlay,
    "SCREEN": lambda a, b, s, d: (_union(a, b), s + d - s * d),
    "SRC": lambda a, b, s, d: (a, s),
    "SRC_ATOP": lambda a, b, s, d: (b, b * s + (1 - a) * d),
    "SRC_IN": lambda a, b, s, d: (a * b, s * b),
    "SRC_OUT": lambda a, b, s, d: ((1 - b) * a, (1 - b) * s),
    "SRC_OVER": lambda a, b, s, d: (a + (1 - a) * b, s + (1 - a) * d),
    "XOR": lambda a, b, s, d: ((1 - b) * a + (1 - a) * b, (1 - b) * s + (1 - a) * d),
}
"""By name, in the order of the menu."""
