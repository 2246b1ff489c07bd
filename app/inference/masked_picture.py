"""Cuts a picture and its mask to what a VAE encodes and blanks the hole in it; inpaint nodes call it."""

from torch import Tensor
from torch.nn.functional import interpolate

from app.inference.errors import BatchesDoNotFit
from app.inference.images import Image
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
