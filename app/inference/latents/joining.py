"""Joins, repeats and splits batches of latents with their masks and noise numbers; batch nodes call it."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from torch.nn.functional import interpolate

from app.inference.latents.batch import LatentBatch
from app.inference.latents.mixing import fitted
from app.inference.pictures.pasting import repeated_to
from app.inference.types import Latent, Mask

CELL = 8  # pixels per latent cell


def joined(first: LatentBatch, second: LatentBatch) -> LatentBatch:
    """Both batches after each other, the second in the size of the first, whose mask stays.

    Raises ChannelsDoNotFit for different families.
    """
    samples = torch.cat([first.samples, fitted(second.samples, first.samples)])
    return LatentBatch(
        samples=samples, noise_mask=first.noise_mask, batch_index=_numbers(first) + _numbers(second)
    )


def repeated(batch: LatentBatch, times: int) -> LatentBatch:
    """The batch several times; noise numbers go on where the ones before ended, one mask stays one."""
    mask, numbers = batch.noise_mask, batch.batch_index
    if mask is not None and len(mask) > 1:
        mask = repeated_to(mask, len(batch.samples)).repeat(times, 1, 1, 1)
    if numbers is not None:
        span = max(numbers) - min(numbers) + 1
        numbers = tuple(number + span * k for k in range(times) for number in numbers)
    return LatentBatch(samples=batch.samples.repeat(times, 1, 1, 1), noise_mask=mask, batch_index=numbers)


def part(batch: LatentBatch, start: int, length: int) -> LatentBatch:
    """`length` pictures from number `start` on; both are limited to what is there. One mask stays one."""
    start = min(start, len(batch.samples) - 1)
    chosen = slice(start, start + length)
    mask = batch.noise_mask
    if mask is not None and len(mask) > 1:
        mask = repeated_to(mask, len(batch.samples))[chosen]
    return LatentBatch(
        samples=batch.samples[chosen].clone(), noise_mask=mask, batch_index=_numbers(batch)[chosen]
    )


def with_one_noise(batch: LatentBatch) -> LatentBatch:
    """The batch in which every picture starts from the noise of the first."""
    numbers = _numbers(batch)
    return LatentBatch(
        samples=batch.samples, noise_mask=batch.noise_mask, batch_index=numbers[:1] * len(numbers)
    )


def rebatched(batches: Sequence[LatentBatch], size: int) -> list[LatentBatch]:
    """The pictures of all batches in batches of `size`; another picture size starts a new one.

    Pictures without noise number count on over all batches.
    """
    singles = list(_singles(batches))
    groups = groupby(singles, key=lambda single: single.samples.shape)
    pieces: list[LatentBatch] = []
    for _, group in groups:
        same = list(group)
        pieces += [_stacked(same[start : start + size]) for start in range(0, len(same), size)]
    return pieces


def _numbers(batch: LatentBatch, first: int = 0) -> tuple[int, ...]:
    """Noise numbers; counted from `first` where none are given."""
    return batch.batch_index or tuple(range(first, first + len(batch.samples)))


def _singles(batches: Sequence[LatentBatch]) -> Iterator[LatentBatch]:
    """Every picture alone, with a mask in its size and a number."""
    seen = 0
    for batch in batches:
        masks = _masks(batch.noise_mask, batch.samples)
        numbers = _numbers(batch, seen)
        for i, number in enumerate(numbers):
            chosen = slice(i, i + 1)
            yield LatentBatch(samples=batch.samples[chosen], noise_mask=masks[chosen], batch_index=(number,))
        seen += len(numbers)


def _masks(mask: Mask | None, samples: Latent) -> Mask:
    """One mask [B, 1, H, W] in pixel size per picture; 1 where none is given."""
    size = (samples.shape[-2] * CELL, samples.shape[-1] * CELL)
    if mask is None:
        return torch.ones(len(samples), 1, *size)
    if tuple(mask.shape[-2:]) != size:
        mask = interpolate(mask, size=size, mode="bilinear")
    return repeated_to(mask, len(samples))


def _stacked(singles: Sequence[LatentBatch]) -> LatentBatch:
    masks = torch.cat([each.noise_mask for each in singles if each.noise_mask is not None])
    return LatentBatch(
        samples=torch.cat([each.samples for each in singles]),
        noise_mask=None if masks.mean() == 1 else masks,
        batch_index=tuple(number for each in singles for number in each.batch_index or ()),
    )
