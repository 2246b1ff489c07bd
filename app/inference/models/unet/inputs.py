"""What a UNet takes besides the latent and the text: size vectors and further channels; asked by guidance."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from app.inference.conditioning.entry import CondEntry, PictureSize
from app.inference.models.unet.shape import SINUSOID
from app.inference.pictures.resize import resize_latent
from app.inference.types import Latent, Mask

CELL = 8  # pixels per latent cell
LONGEST_PERIOD = 10000.0
SCORE, NEGATIVE_SCORE = 6.0, 2.5  # aesthetic scores the refiner is told, Podell et al. 2023
UNCHANGED_PICTURE = (0.8223, -0.6876, 0.6364, 0.1380)  # latent of a grey picture: everything is masked

ProcessIn: TypeAlias = Callable[[Latent], Latent]
"""Map of a stored latent to model space."""


@dataclass(frozen=True, kw_only=True)
class UNetInputs:
    """Which further inputs a UNet has, told by its tensors.

    `label`: the vector that is added to the time embedding. `picture`: channels after the noisy ones, mask
    and masked picture (9 in all) or the picture to edit (8). `edit_scale`: factor on the latent to edit.
    """

    label: Literal["none", "sdxl", "refiner"] = "none"
    picture: Literal["none", "inpaint", "edit"] = "none"
    edit_scale: float = 1.0

    def label_vector(self, entry: CondEntry, *, negative: bool, height: int, width: int) -> Tensor | None:
        """Vector float32 [1, adm] for an entry; `height` and `width` of the whole latent, in cells."""
        if self.label == "none":
            return None
        pooled = entry.pooled
        if pooled is None:
            raise ValueError(
                "The text carries no pooled vector, which this model needs: encode it with the text encoder "
                "that belongs to the model."
            )
        size = entry.size or PictureSize()
        told_height = _or(size.height, height * CELL)
        told_width = _or(size.width, width * CELL)
        numbers: list[float] = [told_height, told_width, size.crop_h, size.crop_w]
        if self.label == "sdxl":
            numbers += [_or(size.target_height, told_height), _or(size.target_width, told_width)]
        else:
            usual = NEGATIVE_SCORE if negative else SCORE
            numbers.append(usual if entry.aesthetic_score is None else entry.aesthetic_score)
        return torch.cat([pooled.float().cpu(), sinusoids(torch.tensor(numbers)).flatten()[None]], dim=1)

    def channels(
        self, entry: CondEntry, *, latent: Latent, mask: Mask | None, process_in: ProcessIn
    ) -> Latent | None:
        """Channels [B, n, h8, w8] that stand after the noisy latent for an entry.

        `latent` [B, C, h8, w8] is what is sampled from, in model space; `mask` [B, C, h8, w8] the run's noise
        mask, if it has one.
        """
        if self.picture == "edit":
            if entry.concat_latent is None:
                return torch.zeros_like(latent)
            return _fitted(entry.concat_latent * self.edit_scale, latent)
        if self.picture == "inpaint":
            return self._inpaint_channels(entry, latent, mask, process_in)
        return None

    def _inpaint_channels(
        self, entry: CondEntry, latent: Latent, mask: Mask | None, process_in: ProcessIn
    ) -> Latent:
        if entry.concat_latent is not None:
            picture = _fitted(process_in(entry.concat_latent), latent)
            given = torch.ones(1, 1, 1, 1) if entry.concat_mask is None else entry.concat_mask
            hole = _fitted(given.reshape(-1, 1, *given.shape[-2:]), latent).round()
        elif mask is not None:
            picture, hole = latent, mask[:, :1].round()
        else:
            grey = torch.tensor(UNCHANGED_PICTURE, device=latent.device).view(1, 4, 1, 1)
            picture, hole = grey.expand_as(latent), torch.ones_like(latent[:, :1])
        return torch.cat([hole, picture], dim=1)


NO_EXTRA_INPUTS = UNetInputs()


def _or(told: int | None, otherwise: int) -> int:
    """What was told, 0 included, else something else."""
    return otherwise if told is None else told


def sinusoids(numbers: Tensor) -> Tensor:
    """Cosines, then sines of v * 10000^(-i/128): float32 [n, 256] of [n]; Vaswani et al. 2017."""
    half = SINUSOID // 2
    frequencies = torch.exp(-math.log(LONGEST_PERIOD) * torch.arange(half, dtype=torch.float32) / half)
    angles = numbers.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def spread(items: Tensor, batch: int) -> Tensor:
    """`batch` items taken evenly from [n, ...], in order: each as often as the others, or evenly left out."""
    count = len(items)
    if count == batch:
        return items
    if count < batch:
        return items[((torch.arange(batch) + 0.5) * count / batch).long()]
    return items[torch.linspace(0, count - 1, batch).round().long()]


def _fitted(picture: Tensor, latent: Latent) -> Tensor:
    """A picture [n, C, H, W] in the latent's size, cut to its aspect, for every item of its batch."""
    picture = picture.to(latent.device, torch.float32)
    height, width = latent.shape[-2:]
    if picture.shape[-2:] != latent.shape[-2:]:
        picture = resize_latent(picture, width, height, "bilinear", crop=True)
    return spread(picture, len(latent))
