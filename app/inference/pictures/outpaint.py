"""Enlarges the canvas of a picture and masks what is to be painted; the outpainting node calls it."""

import torch

from app.inference.pictures.images import Image
from app.inference.types import Mask

CANVAS = 0.5  # grey: as far from black as from white


def pad_for_outpaint(
    image: Image, *, left: int, top: int, right: int, bottom: int, feathering: int
) -> tuple[Image, Mask]:
    """The picture on a grey canvas, and a mask [1, H', W'] that is 1 on the new parts.

    Inside the picture the mask falls from 1 to 0 over `feathering` pixels from every padded side, as the
    square of the distance; a picture smaller than twice that has no such slope.
    """
    count, height, width, channels = image.shape
    size = (height + top + bottom, width + left + right)
    canvas = image.new_full((count, *size, channels), CANVAS)
    canvas[:, top : top + height, left : left + width] = image
    inside = torch.zeros(height, width)
    if 0 < 2 * feathering < min(height, width):
        inside = _slope(height, width, left=left, top=top, right=right, bottom=bottom, length=feathering)
    mask = torch.ones(1, *size)
    mask[:, top : top + height, left : left + width] = inside
    return canvas, mask


def _slope(height: int, width: int, *, left: int, top: int, right: int, bottom: int, length: int) -> Mask:
    y, x = torch.arange(height).unsqueeze(1), torch.arange(width).unsqueeze(0)
    far = max(height, width)
    distances = [
        y if top else torch.tensor(far),
        height - y if bottom else torch.tensor(far),
        x if left else torch.tensor(far),
        width - x if right else torch.tensor(far),
    ]
    nearest = torch.full((height, width), far)
    for each in distances:
        nearest = torch.minimum(nearest, each)
    return ((length - nearest).clamp(min=0) / length) ** 2
