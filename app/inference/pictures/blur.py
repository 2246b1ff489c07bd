"""Softens and sharpens pictures with a Gaussian bell; the blur and sharpen nodes call it."""

import torch
from torch import Tensor

from app.inference.errors import SizeNotUsable
from app.inference.pictures.images import Image

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
    """The bell is a product of one along x and one along y; picture by picture, in float64."""
    bell = _bell(radius, sigma)
    return torch.stack([_spread(_spread(each.double(), bell, 1), bell, 0).to(image) for each in image])


def _spread(picture: Tensor, bell: list[float], axis: int) -> Tensor:
    """Weighted sum of the picture moved along `axis`: whole rows at a time, which memory likes best."""
    radius = len(bell) // 2
    first = picture.narrow(axis, 1, radius).flip(axis)
    last = picture.narrow(axis, picture.shape[axis] - 1 - radius, radius).flip(axis)
    mirrored = torch.cat([first, picture, last], dim=axis)
    total = torch.zeros_like(picture)
    for offset, weight in enumerate(bell):
        total.add_(mirrored.narrow(axis, offset, picture.shape[axis]), alpha=weight)
    return total


def _bell(radius: int, sigma: float) -> list[float]:
    places = torch.linspace(-1, 1, 2 * radius + 1, dtype=torch.float64)
    bell = (-(places**2) / (2 * sigma**2)).exp()
    return (bell / bell.sum()).tolist()


def _check(image: Image, radius: int) -> None:
    height, width = image.shape[1:3]
    if radius >= min(height, width):
        raise SizeNotUsable(
            f"A radius of {radius} is too large for a picture of {width}x{height} pixels: "
            "it must be smaller than both sides."
        )
