"""Turns RGB into luma and two colour differences and back; the YUV nodes call it.

Weights of ITU-R BT.601; the differences are scaled and moved to 0..1 as in JFIF.
"""

import torch

from app.inference.pictures.channels import colours
from app.inference.pictures.images import Image

RED, GREEN, BLUE = 0.299, 0.587, 0.114
BLUE_SCALE, RED_SCALE = 0.564, 0.713
MIDDLE = 0.5


def to_yuv(image: Image) -> tuple[Image, Image, Image]:
    """Luma, blue difference and red difference, each as a picture with three equal channels."""
    red, green, blue = colours(image).unbind(-1)
    y = RED * red + GREEN * green + BLUE * blue
    u = (blue - y) * BLUE_SCALE + MIDDLE
    v = (red - y) * RED_SCALE + MIDDLE
    y, u, v = (each.unsqueeze(-1).repeat(1, 1, 1, 3) for each in (y, u, v))
    return y, u, v


def to_rgb(y: Image, u: Image, v: Image) -> Image:
    """RGB, clipped to 0..1, of the channels' means."""
    luma, u, v = y.mean(-1), u.mean(-1) - MIDDLE, v.mean(-1) - MIDDLE
    red = luma + v / RED_SCALE
    blue = luma + u / BLUE_SCALE
    green = (luma - RED * red - BLUE * blue) / GREEN
    return torch.stack([red, green, blue], dim=-1).clamp(0, 1)
