"""Cuts a picture and its mask to what a VAE encodes and blanks the hole in it; inpaint nodes call it."""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate

from app.inference.errors import BatchesDoNotFit
from app.inference.pictures.images import Image
from app.inference.types import Mask

CELL = 8  # pixels per latent cell
GREY = 0.5


def cut_to_cells(image: Image) -> Image:
    """The middle of `image` [B, H, W, C] whose sides are multiples of 8."""
    height, width = image.shape[1:3]
    top, left = height % CELL // 2, width % CELL // 2
    return image[:, top : top + height // CELL * CELL, left : left + width // CELL * CELL]


def fitted_to_picture(mask: Mask, image: Image) -> Tensor:
    """`mask` [..., H, W] as [B, 1, H, W] in the size of `image`, bilinear."""
    single = mask.reshape(-1, 1, *mask.shape[-2:])
    return interpolate(single, size=image.shape[1:3], mode="bilinear")


def blanked(image: Image, mask: Tensor) -> Image:
    """The colours of `image` with grey where `mask` [B, 1, H, W] of its size rounds to 1.

    One mask serves all pictures and one picture all masks; raises BatchesDoNotFit for other numbers.
    """
    if len(mask) != len(image) and 1 not in (len(mask), len(image)):
        raise BatchesDoNotFit(
            f"There are {len(image)} pictures and {len(mask)} masks: give one mask for all or one for each."
        )
    return (image[..., :3] - GREY) * (1 - mask.round().movedim(1, -1)) + GREY


def grown(mask: Tensor, by: int) -> Tensor:
    """`mask` [B, 1, H, W] rounded to 0 or 1, the area of 1 grown by half of `by` pixels on each side.

    With an even `by` the area grows one pixel less towards the top and left.
    """
    area = mask.round()
    if by == 0:
        return area
    height, width = area.shape[-2:]
    kernel = torch.ones(1, 1, by, by)
    padding = math.ceil((by - 1) / 2)
    return conv2d(area, kernel, padding=padding).clamp(0, 1)[..., :height, :width]
