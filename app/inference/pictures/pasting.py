"""Puts one picture or latent into another at a place; compositing nodes call it."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from app.inference.errors import BatchesDoNotFit, ChannelsDoNotFit
from app.inference.types import Mask


def paste_feathered(destination: Tensor, source: Tensor, x: int, y: int, feather: int) -> Tensor:
    """`source` [B, C, h, w] on `destination` [B, C, H, W] with its top left corner at column x, row y.

    What sticks out at the right and bottom is cut off. Over `feather` elements the edges fade into the
    destination, but for edges that lie on its border. Raises ChannelsDoNotFit or BatchesDoNotFit.
    """
    _check(destination, source)
    height, width = destination.shape[-2:]
    visible = source[..., : max(0, height - y), : max(0, width - x)]
    bottom, right = y + source.shape[-2] < height, x + source.shape[-1] < width
    rows = _faded(visible.shape[-2], feather, start=y != 0, end=bottom)
    columns = _faded(visible.shape[-1], feather, start=x != 0, end=right)
    return _blend(destination, visible, rows[:, None] * columns[None, :], x, y)


def paste_masked(
    destination: Tensor, source: Tensor, x: int, y: int, mask: Mask | None = None, *, resize: bool = False
) -> Tensor:
    """`source` [B, C, h, w] on `destination` [B, C, H, W] where `mask` is 1, its corner at column x, row y.

    x and y may be negative. With `resize` the source first takes the destination's size. The mask, of any
    size, takes the source's. Shorter batches are repeated, longer ones cut. Raises ChannelsDoNotFit.
    """
    source = source.to(destination.device)
    height, width = destination.shape[-2:]
    if resize:
        source = interpolate(source, size=(height, width), mode="bilinear")
    source = repeated_to(source, len(destination))
    _check(destination, source)
    weights = torch.ones_like(source)
    if mask is not None:
        single = mask.reshape(-1, 1, *mask.shape[-2:]).to(source)
        weights = repeated_to(interpolate(single, size=source.shape[-2:], mode="bilinear"), len(source))
    x = max(-source.shape[-1], min(x, width))
    y = max(-source.shape[-2], min(y, height))
    window = (..., slice(max(0, -y), max(0, height - y)), slice(max(0, -x), max(0, width - x)))
    return _blend(destination, source[window], weights[window], max(0, x), max(0, y))


def repeated_to(batch: Tensor, count: int) -> Tensor:
    """The batch repeated as a whole, and cut to `count` items."""
    times = -(-count // len(batch))
    return batch.repeat(times, *(1 for _ in batch.shape[1:]))[:count] if times > 1 else batch[:count]


def _check(destination: Tensor, source: Tensor) -> None:
    if source.shape[1] != destination.shape[1]:
        raise ChannelsDoNotFit(
            f"The source has {source.shape[1]} channels and the destination {destination.shape[1]}: "
            "give both the same kind of picture."
        )
    if len(source) not in (1, len(destination)):
        raise BatchesDoNotFit(
            f"{len(source)} sources cannot be put into {len(destination)} destinations: "
            "give one source, or as many as there are destinations."
        )


def _faded(length: int, feather: int, *, start: bool, end: bool) -> Tensor:
    """Weights along one side: 1/feather, 2/feather, ... from the edges that fade."""
    weights = torch.ones(length)
    for k in range(min(feather, length)):
        if start:
            weights[k] *= (k + 1) / feather
        if end:
            weights[length - 1 - k] *= (k + 1) / feather
    return weights


def _blend(destination: Tensor, source: Tensor, weights: Tensor, x: int, y: int) -> Tensor:
    result = destination.clone()
    window = result[..., y : y + source.shape[-2], x : x + source.shape[-1]]
    weights = weights.to(result)
    window.copy_(source.to(result) * weights + window * (1 - weights))
    return result
