"""Reduces pictures to a few colours, with or without dithering; the quantize node calls it."""

import torch
from PIL import Image as Pillow
from torch import Tensor

from app.inference.errors import ChannelsDoNotFit
from app.inference.pictures.images import Image, from_pillow, to_pillow, to_uint8

BAYER_ORDERS = {"bayer-2": 1, "bayer-4": 2, "bayer-8": 3, "bayer-16": 4}  # doublings of the pattern
DITHERS = ("none", "floyd-steinberg", *BAYER_ORDERS)


def quantize(image: Image, colours: int, dither: str) -> Image:
    """Each picture in at most `colours` colours of its own, found by median cut (Heckbert 1982).

    Raises ChannelsDoNotFit for other pictures than RGB.
    """
    if image.shape[-1] != 3:
        raise ChannelsDoNotFit(
            f"Colours can be reduced in pictures with 3 channels, not {image.shape[-1]}: "
            "split off the alpha channel first."
        )
    return torch.cat([_quantized(each, colours, dither) for each in image.cpu()])


def _quantized(picture: Tensor, colours: int, dither: str) -> Image:
    plain = to_pillow(picture)
    palette = plain.quantize(colours)
    method = Pillow.Dither.FLOYDSTEINBERG if dither == "floyd-steinberg" else Pillow.Dither.NONE
    if dither in BAYER_ORDERS:
        plain = _with_pattern(picture, _colour_count(palette), BAYER_ORDERS[dither])
    return from_pillow(plain.quantize(colours, palette=palette, dither=method).convert("RGB"))


def _colour_count(palette: Pillow.Image) -> int:
    return len(palette.getpalette() or ()) // 3


def _with_pattern(picture: Tensor, colours: int, order: int) -> Pillow.Image:
    """The picture plus the ordered pattern of Bayer 1973, spread over the distance of two colours."""
    height, width, _ = picture.shape
    side = 2**order
    tiles = bayer(order).repeat(-(-height // side), -(-width // side))[:height, :width, None]
    spread = tiles * (2 * 256 / colours) + 0.5
    return to_pillow((to_uint8(picture) + spread).clamp(0, 255) / 255)


def bayer(order: int) -> Tensor:
    """The threshold pattern [2^order, 2^order], its values spread evenly over -0.5..0.5."""
    pattern = torch.zeros(1, 1)
    for doubling in range(1, order + 1):
        q = 4**doubling
        rows = [
            torch.cat([q * pattern - 1.5, q * pattern + 0.5], dim=1),
            torch.cat([q * pattern + 1.5, q * pattern - 0.5], dim=1),
        ]
        pattern = torch.cat(rows) / q
    return pattern
