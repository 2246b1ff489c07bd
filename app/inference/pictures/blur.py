"""Softens and sharpens pictures with a Gaussian bell; the blur and sharpen nodes call it."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from app.inference.errors import SizeNotUsable
from app.inference.images import Image

SHARPENING = 10  # how much of the blurred picture `alpha` 1 takes away


def blur(image: Image, radius: int, sigma: float) -> Image:
    """Mean over the (2 `radius` + 1)^2 neighbours; `sigma` of the bell is in radii.

    The picture is mirrored at its border. Raises SizeNotUsable when a side is not longer than `radius`.
    """
    if radius == 0:
        return image
    _check(image, radius)
    return _blurred(image, radius, sigma)


def sharpen(image: Image, radius: int, sigma: float, alpha: float) -> Image:
    """The picture plus 10 `alpha` times what `blur` takes away, clipped to 0..1."""
    if radius == 0:
        return image
    _check(image, radius)
    strength = SHARPENING * alpha
    return (image + strength * (image - _blurred(image, radius, sigma))).clamp(0, 1)


def _blurred(image: Image, radius: int, sigma: float) -> Image:
    """The bell is a product of one along x and one along y."""
    count, height, width, channels = image.shape
    bell = _bell(radius, sigma)
    planes = image.movedim(-1, 1).reshape(count * channels, 1, height, width).double()
    planes = pad(planes, (radius,) * 4, mode="reflect")
    planes = conv2d(conv2d(planes, bell.reshape(1, 1, 1, -1)), bell.reshape(1, 1, -1, 1))
    return planes.reshape(count, channels, height, width).movedim(1, -1).to(image.dtype)


def _bell(radius: int, sigma: float) -> Tensor:
    places = torch.linspace(-1, 1, 2 * radius + 1, dtype=torch.float64)
    bell = (-(places**2) / (2 * sigma**2)).exp()
    return bell / bell.sum()


def _check(image: Image, radius: int) -> None:
    height, width = image.shape[1:3]
    if radius >= min(height, width):
        raise SizeNotUsable(
            f"A radius of {radius} is too large for a picture of {width}x{height} pixels: "
            "it must be smaller than both sides."
        )
