"""Encoded text and its side data as the sampling driver takes them; conditioning nodes make and change it."""

from dataclasses import dataclass
from typing import TypeAlias

from app.inference.conditioning.area import Area, AreaShare
from app.inference.conditioning.control import Control
from app.inference.conditioning.gligen import GroundedTexts
from app.inference.types import Latent, Mask, Pooled, Tokens


@dataclass(frozen=True, kw_only=True)
class PictureSize:
    """The sizes that SDXL and its refiner are told, in pixels; None means: from the latent, or the others."""

    width: int | None = None
    height: int | None = None
    crop_w: int = 0
    crop_h: int = 0
    target_width: int | None = None
    target_height: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class CondEntry:
    """One text's states, and where, when and how much they count.

    `tokens` float32 [1, T, width]; `pooled` float32 [1, width] where the model uses one. `strength` weighs
    the entry in the mean over all entries of its side. `mask` float32 [B, H, W] weighs it per place, times
    `mask_strength`; with `mask_bounds` only the mask's bounding box is computed. The entry acts from
    `start_percent` to `end_percent` (0..1) of the schedule. A default entry (`is_default`) acts where the
    other entries of its side leave weight over.
    """

    tokens: Tokens
    pooled: Pooled | None = None
    strength: float = 1.0
    area: Area | AreaShare | None = None
    mask: Mask | None = None
    mask_strength: float = 1.0
    mask_bounds: bool = False
    start_percent: float | None = None
    end_percent: float | None = None
    is_default: bool = False
    size: PictureSize | None = None
    aesthetic_score: float | None = None
    control: Control | None = None
    control_reaches_negative: bool = False
    """Whether the net also acts on entries of the negative side that have none (the old apply node)."""
    control_tokens: Tokens | None = None
    """Text states for the control net in place of `tokens`."""
    control_pooled: Pooled | None = None
    grounded_texts: GroundedTexts | None = None
    concat_latent: Latent | None = None
    """Stored latent [1, 4, h8, w8] of the masked (inpainting) or edited (InstructPix2Pix) picture."""
    concat_mask: Mask | None = None


Conditioning: TypeAlias = tuple[CondEntry, ...]
"""All entries of one side, positive or negative; their predictions are averaged."""
