"""Pictures as tensors: shapes, conversion from and to Pillow; image nodes and VAEs use them."""

from typing import TypeAlias

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

Image: TypeAlias = Tensor
"""float32 [batch, height, width, 3 or 4], 0..1, on the CPU; the fourth channel is opacity."""


def to_uint8(image: Tensor) -> Tensor:
    """0..1 to 0..255: clipped and truncated, not rounded."""
    return image.mul(255).clamp(0, 255).to(torch.uint8)


def to_pillow(image: Tensor) -> Pillow.Image:
    """One picture [H, W, C] as RGB (3 channels), RGBA (4) or grey (1)."""
    pixels = to_uint8(image).numpy()
    return Pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def from_pillow(picture: Pillow.Image) -> Image:
    """One picture as float32 [1, H, W, C], in the channels that it has."""
    pixels = torch.from_numpy(np.array(picture, dtype=np.uint8)).float() / 255
    return pixels.reshape(1, picture.height, picture.width, -1)
