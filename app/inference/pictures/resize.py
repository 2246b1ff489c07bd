"""Resizes latents and pictures the way workflows expect it, number for number; scaling nodes call it."""

import torch
from PIL import Image as Pillow
from torch import Tensor
from torch.nn.functional import interpolate

from app.inference.errors import ChannelsDoNotFit, SizeNotUsable
from app.inference.pictures.images import Image, from_pillow, to_pillow
from app.inference.types import Latent

PARALLEL = 1 - 1e-5  # cosine above which two vectors count as one direction


def resize_latent(latent: Latent, width: int, height: int, method: str, *, crop: bool = False) -> Latent:
    """`latent` [B, C, h, w] in another size, in cells.

    `method`: nearest-exact, bilinear, area, bicubic (none of them antialiased), bislerp or lanczos. `crop`
    first cuts the longer side to the wanted aspect. Raises SizeNotUsable for a size below 1,
    ChannelsDoNotFit where lanczos meets other than 3 or 4 channels.
    """
    if width < 1 or height < 1:
        raise SizeNotUsable(f"The size {width}x{height} is too small: each side needs at least 1.")
    if crop:
        latent = _crop_to_aspect(latent, width, height)
    if method == "bislerp":
        return _bislerp(latent, width, height)
    if method == "lanczos":
        return _lanczos(latent.movedim(1, -1), width, height).movedim(-1, 1)
    return interpolate(latent, size=(height, width), mode=method)


def resize_image(image: Image, width: int, height: int, method: str, *, crop: bool = False) -> Image:
    """`image` [B, H, W, C] in another size in pixels; methods as in `resize_latent`."""
    return resize_latent(image.movedim(-1, 1), width, height, method, crop=crop).movedim(1, -1)


def missing_side(known: int, old_known: int, old_missing: int) -> int:
    """The side that keeps the aspect when the other becomes `known`; half rounds to even."""
    return round(old_missing * known / old_known)


def _crop_to_aspect(latent: Latent, width: int, height: int) -> Latent:
    # the order of the divisions decides ties of round()
    old_width, old_height = latent.shape[-1], latent.shape[-2]
    old_aspect, aspect = old_width / old_height, width / height
    x = y = 0
    if old_aspect > aspect:
        x = round((old_width - old_width * (aspect / old_aspect)) / 2)
    elif old_aspect < aspect:
        y = round((old_height - old_height * (old_aspect / aspect)) / 2)
    return latent[..., y : old_height - y, x : old_width - x]


def _lanczos(image: Image, width: int, height: int) -> Image:
    """Pillow's antialiased Lanczos filter, on 8 bits per channel."""
    if image.shape[-1] not in (3, 4):
        raise ChannelsDoNotFit(
            f"lanczos needs pictures with 3 or 4 channels, not {image.shape[-1]}: use bicubic."
        )
    size = (width, height)
    resized = [to_pillow(each.cpu()).resize(size, Pillow.Resampling.LANCZOS) for each in image]
    return torch.cat([from_pillow(each) for each in resized]).to(image)


def _bislerp(latent: Latent, width: int, height: int) -> Latent:
    """Bilinear weights on a sphere: directions turn, lengths change linearly; first along x, then along y."""
    along_x = _slerp_last_axis(latent.float().movedim(1, -2), width)  # [B, h, C, w]
    along_y = _slerp_last_axis(along_x.permute(0, 3, 2, 1), height)  # [B, w', C, h]
    return along_y.permute(0, 2, 3, 1).to(latent.dtype)


def _slerp_last_axis(vectors: Tensor, size: int) -> Tensor:
    """Resample [..., C, n] to [..., C, size], the vectors lying along C."""
    length = vectors.shape[-1]
    ramp = torch.arange(length, dtype=torch.float32, device=vectors.device)
    following = (ramp + 1).clamp(max=length - 1)
    first, second = (
        interpolate(each.reshape(1, 1, -1, 1), size=(size, 1), mode="bilinear").flatten()
        for each in (ramp, following)
    )
    ratio = first - first.floor()
    return _slerp(vectors[..., first.long()], vectors[..., second.long()], ratio)


def _slerp(a: Tensor, b: Tensor, ratio: Tensor) -> Tensor:
    """From `a` to `b` by `ratio`, vectors along the last axis but one; Shoemake 1985."""
    length_a, length_b = a.norm(dim=-2, keepdim=True), b.norm(dim=-2, keepdim=True)
    direction_a = torch.where(length_a > 0, a / length_a, 0.0)
    direction_b = torch.where(length_b > 0, b / length_b, 0.0)
    cosine = (direction_a * direction_b).sum(dim=-2, keepdim=True)
    angle = cosine.clamp(-1, 1).acos()
    sine = angle.sin()
    turned = ((1 - ratio) * angle).sin() / sine * direction_a + (ratio * angle).sin() / sine * direction_b
    result = turned * (length_a * (1 - ratio) + length_b * ratio)
    result = torch.where(cosine > PARALLEL, a, result)
    return torch.where(cosine < -PARALLEL, a * (1 - ratio) + b * ratio, result)
