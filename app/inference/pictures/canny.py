"""Draws the edges of pictures, Canny 1986; the Canny node calls it."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import conv2d, pad

from app.inference.errors import WrongInput
from app.inference.pictures.channels import colours
from app.inference.pictures.images import Image

GREY = (0.299, 0.587, 0.114)  # luma of ITU-R BT.601
BLUR_SIDE, BLUR_SIGMA = 5, 1.0
SMALLEST = 1e-6  # under the root, so that flat places have no undefined direction
NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))  # y, x; by 45 degrees


def edges(image: Image, low: float, high: float) -> Image:
    """White edges on black: where the slope is above `high`, and above `low` in touch with such places.

    Raises WrongInput when `low` is above `high`.
    """
    if low > high:
        raise WrongInput(
            f"The low threshold {low:g} is above the high one {high:g}: edges begin at the high one "
            "and go on down to the low one."
        )
    slope, direction = _gradient(_blurred(_grey(image)))
    thin = _thinned(slope, direction)
    found = torch.stack([_connected(each > low, each > high) for each in thin.squeeze(1)])
    return found.unsqueeze(-1).repeat(1, 1, 1, 3).to(image)


def _grey(image: Image) -> Tensor:
    red, green, blue = colours(image).unbind(-1)
    return (GREY[0] * red + GREY[1] * green + GREY[2] * blue).unsqueeze(1)


def _blurred(grey: Tensor) -> Tensor:
    places = torch.arange(BLUR_SIDE, dtype=grey.dtype) - BLUR_SIDE // 2
    bell = (-(places**2) / (2 * BLUR_SIGMA**2)).exp()
    bell = bell / bell.sum()
    padded = pad(grey, (BLUR_SIDE // 2,) * 4, mode="reflect")
    return conv2d(conv2d(padded, bell.reshape(1, 1, 1, -1)), bell.reshape(1, 1, -1, 1))


def _gradient(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Length of the slope, and its direction in eighths of a turn, 0..7 (Sobel's operator)."""
    sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], dtype=grey.dtype)
    kernels = torch.stack([sobel, sobel.T]).unsqueeze(1)
    along_x, along_y = conv2d(pad(grey, (1,) * 4, mode="replicate"), kernels).split(1, dim=1)
    slope = (along_x**2 + along_y**2 + SMALLEST).sqrt()
    degrees = 180 * torch.atan2(along_y, along_x) / torch.pi
    return slope, (degrees / 45).round().long() % 8


def _thinned(slope: Tensor, direction: Tensor) -> Tensor:
    """`slope` where it is larger than on both sides along its direction, else 0."""
    height, width = slope.shape[-2:]
    padded = pad(slope, (1,) * 4)
    ahead = torch.cat(
        [padded[..., 1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in NEIGHBOURS], dim=1
    )
    above_next = slope - ahead.gather(1, direction)
    above_last = slope - ahead.gather(1, (direction + 4) % 8)
    return torch.where(torch.minimum(above_next, above_last) > 0, slope, 0.0)


def _connected(weak: Tensor, strong: Tensor) -> Tensor:
    """The parts of `weak` [H, W], joined also across corners, that hold a strong place."""
    labels = np.empty(weak.shape, np.int32)
    ndimage.label(weak.numpy(), structure=np.ones((3, 3)), output=labels)
    kept = np.unique(labels[strong.numpy()])
    return torch.from_numpy(np.isin(labels, kept[kept > 0]))
