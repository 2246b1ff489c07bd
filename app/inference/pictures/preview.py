"""Small pictures of unfinished latents, by a linear map or a tiny decoder; for sampling nodes.

The factors come from InvokeAI (Apache-2.0, `invokeai/app/util/step_callback.py`).
"""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image as Pillow
from torch import Tensor

from app.inference.types import Latent

MIN_INTERVAL_S = 0.1  # more pictures per second than this only cost time
JPEG_QUALITY = 85
PIXELS_PER_CELL = 8


@dataclass(frozen=True, kw_only=True)
class LatentRgb:
    """One (R, G, B) row per latent channel in model space, and the colour of zero; results lie in -1..1.

    `tiny_vae` names the tiny autoencoder that decodes these latents better, if there is one.
    """

    factors: tuple[tuple[float, float, float], ...]
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tiny_vae: str | None = None

    @classmethod
    def from_json(cls, document: Any) -> "LatentRgb":
        """From `{"factors": [[r, g, b], ...], "bias": [r, g, b]}` or `[factors, bias]`.

        Raises ValueError, TypeError or KeyError when it is neither.
        """
        factors, bias = (document["factors"], document["bias"]) if isinstance(document, dict) else document
        rows = tuple((float(r), float(g), float(b)) for r, g, b in factors)
        red, green, blue = (float(value) for value in bias)
        return cls(factors=rows, bias=(red, green, blue))


SD1_PREVIEW = LatentRgb(
    factors=(
        (0.3444, 0.1385, 0.0670),
        (0.1247, 0.4027, 0.1494),
        (-0.3192, 0.2513, 0.2103),
        (-0.1307, -0.1874, -0.7445),
    ),
    tiny_vae="taesd",
)
SDXL_PREVIEW = LatentRgb(
    factors=(
        (0.3816, 0.4930, 0.5320),
        (-0.3753, 0.1631, 0.1739),
        (0.1770, 0.3588, -0.2048),
        (-0.4350, -0.2644, -0.4289),
    ),
    tiny_vae="taesdxl",
)


def latent_preview(denoised: Latent, colours: LatentRgb, max_side: int) -> bytes:
    """JPEG of the first picture of `denoised` [B, C, h8, w8] in model space.

    As large as the finished picture but at most `max_side` pixels on its longer side.
    """
    pixels = _colours(denoised[0].float().cpu(), colours)
    return _jpeg(pixels, PIXELS_PER_CELL, max_side)


def decoded_preview(picture: Tensor, max_side: int) -> bytes:
    """JPEG of a decoded picture [3, H, W] in 0..1, at most `max_side` pixels on its longer side."""
    return _jpeg(picture.movedim(0, -1).mul(255).nan_to_num(0).clamp(0, 255).to(torch.uint8), 1, max_side)


def _jpeg(pixels: Tensor, enlarged: int, max_side: int) -> bytes:
    """The picture [H, W, 3], enlarged if that stays within `max_side`."""
    height, width = pixels.shape[:2]
    scale = min(enlarged, max_side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Pillow.fromarray(pixels.numpy()).resize(size, Pillow.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


class PreviewThrottle:
    """Decides at which steps a preview is worth its time: the first, then at most one per interval."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = -MIN_INTERVAL_S

    def due(self) -> bool:
        """Whether to make one now; if yes, the interval starts again."""
        now = self._clock()
        if now - self._last < MIN_INTERVAL_S:
            return False
        self._last = now
        return True


def _colours(latent: Tensor, colours: LatentRgb) -> Tensor:
    """uint8 [h8, w8, 3]."""
    factors = torch.tensor(colours.factors[: latent.shape[0]], dtype=torch.float32)
    rgb = torch.einsum("chw,cr->hwr", latent[: len(factors)], factors) + torch.tensor(colours.bias)
    return rgb.add(1).mul(127.5).nan_to_num(0).clamp(0, 255).to(torch.uint8)
