"""Arithmetic between two latents of any size; the latent nodes that add, blend and interpolate call it."""

from torch import Tensor

from app.inference.errors import BatchesDoNotFit, ChannelsDoNotFit
from app.inference.pictures.pasting import repeated_to
from app.inference.pictures.resize import resize_latent
from app.inference.types import Latent


def fitted(latent: Latent, like: Latent, method: str = "bilinear") -> Latent:
    """`latent` in the height and width of `like`, cut around its centre to that aspect.

    Raises ChannelsDoNotFit for latents of different families.
    """
    if latent.shape[1] != like.shape[1]:
        raise ChannelsDoNotFit(
            f"The latents have {like.shape[1]} and {latent.shape[1]} channels: "
            "both must belong to the same family of models."
        )
    if latent.shape[-2:] == like.shape[-2:]:
        return latent
    return resize_latent(latent, like.shape[-1], like.shape[-2], method, crop=True)


def counterpart(latent: Latent, like: Latent) -> Latent:
    """`latent` in the size of `like` and repeated or cut to as many pictures."""
    return repeated_to(fitted(latent, like), len(like))


def blended(first: Latent, second: Latent, factor: float) -> Latent:
    """`first * factor + second * (1 - factor)`; a batch of one goes with every picture of the other.

    Raises BatchesDoNotFit for other differences, ChannelsDoNotFit for different families.
    """
    second = fitted(second, first, "bicubic")
    if len(first) != len(second) and 1 not in (len(first), len(second)):
        raise BatchesDoNotFit(
            f"{len(first)} latents cannot be blended with {len(second)}: give as many on both sides, or one."
        )
    return first * factor + second * (1 - factor)


def interpolated(first: Latent, second: Latent, ratio: float) -> Latent:
    """Between two latents: `ratio` of `first`, the rest of `second`, in the size and number of `first`.

    Lengths and directions of the channel vectors are mixed separately, so that the result is not paler than
    its sources. A vector of length 0 has no direction and gives 0.
    """
    second = counterpart(second, first)
    length, other_length = _lengths(first), _lengths(second)
    mixed = _mix((first / length).nan_to_num(), (second / other_length).nan_to_num(), ratio)
    direction = (mixed / _lengths(mixed)).nan_to_num()
    return direction * _mix(length, other_length, ratio)


def _mix(first: Tensor, second: Tensor, ratio: float) -> Tensor:
    return first * ratio + second * (1 - ratio)


def _lengths(latent: Latent) -> Tensor:
    """Lengths of the channel vectors, to be broadcast over the latent.

    A batch of as many pictures as channels is treated as workflows made elsewhere expect it: there channel c
    of every picture goes with the lengths of picture c.
    """
    lengths = latent.norm(dim=1)
    return lengths[None] if len(latent) == latent.shape[1] else lengths[:, None]
