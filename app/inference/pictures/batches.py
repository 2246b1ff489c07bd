"""Puts pictures into batches and takes them out again; batch and compositing nodes call it."""

from collections.abc import Iterable

import torch
from torch import Tensor

from app.inference.errors import BatchesDoNotFit, ChannelsDoNotFit, SizeNotUsable
from app.inference.pictures.images import Image
from app.inference.pictures.resize import resize_image


def repeat_to(batch: Tensor, count: int) -> Tensor:
    """`count` items: the whole batch again and again, the last time cut; a longer batch is cut."""
    rounds = -(-count // batch.shape[0])
    return batch.repeat(rounds, *[1] * (batch.dim() - 1))[:count]


def join(first: Image, second: Image) -> Image:
    """Both batches in one; `second` is fitted to the size of `first`, cut around its centre."""
    if first.shape[1:] != second.shape[1:]:
        second = resize_image(second, first.shape[2], first.shape[1], "bilinear", crop=True)
    if first.shape[-1] != second.shape[-1]:
        raise ChannelsDoNotFit(
            f"Pictures with {first.shape[-1]} and {second.shape[-1]} channels cannot be in one batch: "
            "give both an alpha channel or none."
        )
    return torch.cat([first, second])


def part(batch: Tensor, first: int, length: int) -> Tensor:
    """`length` items from `first` on, both limited to what is there."""
    first = min(first, batch.shape[0] - 1)
    return batch[first : first + length].clone()


def regroup(batches: Iterable[Image], size: int) -> list[Image]:
    """All pictures in order, in batches of `size`; the last one may be shorter."""
    single = [picture for batch in batches for picture in batch]
    return [_stacked(single[start : start + size]) for start in range(0, len(single), size)]


def matched(first: Tensor, second: Tensor) -> None:
    """Raise BatchesDoNotFit unless both batches have one length or one of them a single item."""
    lengths = {first.shape[0], second.shape[0]} - {1}
    if len(lengths) > 1:
        raise BatchesDoNotFit(
            f"Batches of {first.shape[0]} and {second.shape[0]} cannot be matched: "
            "give both the same number of pictures, or one of them a single one."
        )


def _stacked(pictures: list[Tensor]) -> Image:
    if len({picture.shape for picture in pictures}) > 1:
        raise SizeNotUsable(
            "Pictures of different size would be in one batch: scale them first, or use a smaller batch size."
        )
    return torch.stack(pictures)
