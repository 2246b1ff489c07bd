"""Puts two pictures next to each other, and a picture on a canvas; the transform nodes call it."""

import torch

from app.inference.pictures.channels import with_opaque
from app.inference.pictures.images import Image
from app.inference.pictures.resize import resize_image

COLOURS = {
    "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}
HEIGHT, WIDTH = 1, 2  # axes of [B, H, W, C]


def stitch(
    first: Image, second: Image, direction: str, *, match_size: bool, spacing: int, colour: str
) -> Image:
    """`second` to the right of `first`, to the left, below (down) or above (up).

    The shorter batch repeats its last picture; missing channels are opaque. With `match_size` the second
    picture is scaled to the side where they meet, else the smaller one is centred on a border. A band of
    `spacing` pixels, rounded up to an even number, comes between them. Borders of other colours than white
    are black.
    """
    along, across = (WIDTH, HEIGHT) if direction in ("left", "right") else (HEIGHT, WIDTH)
    count = max(len(first), len(second))
    first, second = _lengthened(first, count), _lengthened(second, count)
    if match_size:
        second = _scaled_to_side(second, first.shape[across], across)
    channels = max(first.shape[-1], second.shape[-1])
    first, second = with_opaque(first, channels), with_opaque(second, channels)
    side = max(first.shape[across], second.shape[across])
    value = 1.0 if colour == "white" else 0.0
    first, second = (_centred(each, side, across, value) for each in (first, second))
    parts = [first, second] if direction in ("right", "down") else [second, first]
    if spacing > 0:
        parts.insert(1, _band(first, along, spacing + spacing % 2, colour))
    return torch.cat(parts, dim=along)


def pad_to(image: Image, width: int, height: int, value: float) -> Image:
    """`image` in the middle of a canvas of `value` that is at least as large."""
    canvas = image.new_full((len(image), height, width, image.shape[-1]), value)
    top, left = (height - image.shape[HEIGHT]) // 2, (width - image.shape[WIDTH]) // 2
    canvas[:, top : top + image.shape[HEIGHT], left : left + image.shape[WIDTH]] = image
    return canvas


def _lengthened(batch: Image, count: int) -> Image:
    return torch.cat([batch, batch[-1:].expand(count - len(batch), -1, -1, -1)])


def _scaled_to_side(image: Image, side: int, across: int) -> Image:
    height, width = image.shape[HEIGHT], image.shape[WIDTH]
    size = (int(side * width / height), side) if across == HEIGHT else (side, int(side * height / width))
    return resize_image(image, *size, "lanczos")


def _centred(image: Image, side: int, across: int, value: float) -> Image:
    if across == HEIGHT:
        return pad_to(image, image.shape[WIDTH], side, value)
    return pad_to(image, side, image.shape[HEIGHT], value)


def _band(beside: Image, along: int, thickness: int, colour: str) -> Image:
    shape = list(beside.shape)
    shape[along] = thickness
    band = beside.new_ones(shape)
    coloured = min(3, shape[-1])
    band[..., :coloured] = torch.tensor(COLOURS[colour][:coloured])
    return band
