"""Fits the picture that steers a control net to the latent; control nets and adapters call it."""

import torch
from torch import Tensor

from app.inference.errors import ChannelsDoNotFit
from app.inference.pictures.images import Image
from app.inference.pictures.resize import resize_latent


def fitted_hint(picture: Image, height: int, width: int, channels: int = 3) -> Tensor:
    """`picture` [B, H, W, C] as [B, channels, height, width] pixels, cut around the middle to the new aspect.

    Opacity is left out; a net of one channel gets the mean of the colours. Raises ChannelsDoNotFit for
    pictures with too few channels.
    """
    colours = picture.movedim(-1, 1)[:, :3]
    if channels == 1:
        colours = colours.mean(dim=1, keepdim=True)
    if colours.shape[1] != channels:
        raise ChannelsDoNotFit(
            f"The picture has {colours.shape[1]} channels but the control net takes {channels}: "
            "connect a colour picture."
        )
    return resize_latent(colours.to(torch.float32), width, height, "nearest-exact", crop=True)


def with_hole(picture: Image, keep: Tensor) -> Image:
    """`picture` [B, H, W, C] black where `keep` [B, 1, h, w], fitted to it, rounds to 0."""
    height, width = picture.shape[1:3]
    fitted = resize_latent(keep, width, height, "bilinear", crop=True)
    return picture * fitted.round().movedim(1, -1)
