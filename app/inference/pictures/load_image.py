"""Reads picture files into tensors: colours, masks, frames; image and mask nodes call it."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageOps
from torch import Tensor

from app.files.media_limits import frames, open_picture
from app.inference.pictures.images import Image, from_pillow
from app.inference.types import Mask

NO_MASK_SIDE = 64  # side of the empty mask of a picture without transparency


def load_picture(path: Path) -> tuple[Image, Mask]:
    """Colours [B, H, W, 3] and mask [B, h, w] of a picture file, turned as its camera says.

    Frames of an animation that have the first one's size make the batch. The mask is 1 where the picture is
    transparent; without transparency it is zeros of 64x64. Raises MediaRefused for what is no picture.
    """
    with open_picture(path, allow_truncated=True) as picture:
        upright = [_upright(frame) for frame in frames(picture, allow_truncated=True)]
    same = [frame for frame in upright if frame.size == upright[0].size]
    colours = torch.cat([from_pillow(frame.convert("RGB")) for frame in same])
    masks = [_mask(frame) for frame in same]
    if all(mask is None for mask in masks):
        return colours, torch.zeros(len(same), NO_MASK_SIDE, NO_MASK_SIDE)
    opaque = torch.zeros(colours.shape[1:3])
    return colours, torch.stack([opaque if mask is None else mask for mask in masks])


def load_channel(path: Path, channel: str) -> Mask:
    """One channel (alpha, red, green, blue) of a picture's first frame as [1, H, W]; alpha is inverted."""
    with open_picture(path, allow_truncated=True) as picture:
        rgba = _upright(picture).convert("RGBA")
    band = _band(rgba, {"red": "R", "green": "G", "blue": "B", "alpha": "A"}[channel])
    return (1 - band if channel == "alpha" else band).unsqueeze(0)


def _upright(frame: Pillow.Image) -> Pillow.Image:
    turned = ImageOps.exif_transpose(frame)
    return turned.point(lambda value: value * (1 / 255)) if turned.mode == "I" else turned


def _mask(frame: Pillow.Image) -> Mask | None:
    """The mask [H, W] of a frame; None where nothing can be transparent."""
    if "A" in frame.getbands():
        return 1 - _band(frame, "A")
    if "transparency" in frame.info and frame.mode == "P":
        return 1 - _band(frame.convert("RGBA"), "A")
    return None


def _band(picture: Pillow.Image, name: str) -> Tensor:
    return torch.from_numpy(np.array(picture.getchannel(name), dtype=np.uint8)).float() / 255
