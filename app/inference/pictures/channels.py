"""Gives a picture as many channels as another one has; blending, compositing and stitching call it."""

import torch

from app.inference.errors import ChannelsDoNotFit
from app.inference.pictures.images import Image


def with_channels(image: Image, count: int) -> Image:
    """`image` with `count` channels: too many are cut, a missing alpha channel is opaque.

    Raises ChannelsDoNotFit when more than alpha is missing.
    """
    have = image.shape[-1]
    if have >= count:
        return image[..., :count]
    if (have, count) == (3, 4):
        return with_opaque(image, 4)
    raise ChannelsDoNotFit(f"A picture with {have} channels cannot be used where {count} are needed.")


def colours(image: Image) -> Image:
    """Red, green and blue of a picture; raises ChannelsDoNotFit when it has fewer channels."""
    if image.shape[-1] < 3:
        raise ChannelsDoNotFit(f"A picture with {image.shape[-1]} channels has no colours: three are needed.")
    return image[..., :3]


def with_opaque(image: Image, count: int) -> Image:
    """`image` with channels of 1 added up to `count`."""
    missing = image.new_ones(*image.shape[:-1], count - image.shape[-1])
    return torch.cat([image, missing], dim=-1)
