"""Pastes pictures or latents onto others through a mask, and joins colours with opacity; nodes call it."""

import torch

from app.inference.pictures.batches import repeat_to
from app.inference.pictures.images import Image
from app.inference.pictures.resize import resize_latent
from app.inference.types import Latent, Mask


def paste(
    destination: Latent, source: Latent, x: int, y: int, mask: Mask | None, *, resize: bool, cell: int = 1
) -> Latent:
    """A copy of `destination` [B, C, H, W] with `source` on it, its corner at (`x`, `y`).

    Positions are in pixels, `cell` of them per value (8 in latents); a source that reaches over the border is
    cut. `mask` (1 shows the source; none: everywhere) is stretched over the source. With `resize` the source
    is first stretched over the destination. Source and mask are repeated to the destination's batch.
    """
    count, _, height, width = destination.shape
    if resize:
        source = resize_latent(source, width, height, "bilinear")
    source = repeat_to(source, count)
    source_height, source_width = source.shape[-2:]
    left = min(max(x, -source_width * cell), width * cell) // cell
    top = min(max(y, -source_height * cell), height * cell) // cell
    if mask is None:
        weight = torch.ones_like(source[:, :1])
    else:
        weight = repeat_to(stretch_mask(mask, source_width, source_height).unsqueeze(1), count)
    result = destination.clone()
    rows, columns = slice(max(top, 0), top + source_height), slice(max(left, 0), left + source_width)
    below = result[..., rows, columns]
    seen = (..., _seen(top, below.shape[-2]), _seen(left, below.shape[-1]))
    result[..., rows, columns] = source[seen] * weight[seen] + below * (1 - weight[seen])
    return result


def stretch_mask(
    mask: Mask, width: int, height: int, method: str = "bilinear", *, crop: bool = False
) -> Mask:
    """A mask [H, W], [B, H, W] or [B, 1, H, W] as [B, height, width]."""
    flat = mask.reshape(-1, 1, *mask.shape[-2:])
    return resize_latent(flat, width, height, method, crop=crop).squeeze(1)


def split_alpha(image: Image) -> tuple[Image, Mask]:
    """Colours, and a mask that is 1 where the picture is transparent; zeros for a picture without alpha."""
    opacity = image[..., 3] if image.shape[-1] > 3 else torch.ones_like(image[..., 0])
    return image[..., :3], 1 - opacity


def join_alpha(image: Image, mask: Mask) -> Image:
    """Colours with opacity 1 - `mask`, which is stretched over them; the shorter batch counts."""
    opacity = 1 - stretch_mask(mask, image.shape[2], image.shape[1])
    count = min(len(image), len(opacity))
    return torch.cat([image[:count, ..., :3], opacity[:count].unsqueeze(-1)], dim=-1)


def _seen(start: int, length: int) -> slice:
    hidden = max(-start, 0)
    return slice(hidden, hidden + length)
