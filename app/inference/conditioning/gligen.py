"""Texts grounded in boxes (GLIGEN) as conditioning carries them; guidance asks for their hook."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from app.inference.conditioning.area import Area
from app.inference.hooks.network import AfterSelfAttention, NetworkCall, Place
from app.inference.types import Pooled, Tokens

MOST_BOXES = 30  # slots that GLIGEN networks were trained with


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundedText:
    """A text, as its unprojected pooled vector [1, width], and the box that it describes."""

    pooled: Pooled
    area: Area


class GligenModel(Protocol):
    """Layers between the attentions of a UNet that see texts in boxes; what a GLIGEN socket carries."""

    def objects(self, boxes: Tensor, texts: Tensor) -> Tensor:
        """What attention is given to: [1, MOST_BOXES, width].

        `boxes` float32 [n, 4] as x1, y1, x2, y2 in shares (0..1) of the picture, `texts` [n, width].
        """
        ...

    def fused(self, tokens: Tokens, objects: Tensor, place: Place) -> Tokens:
        """Tokens [B, N, C] that have seen the objects [1, m, width]; as they are where there is no layer."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundedTexts:
    """Boxes with texts for one model with GLIGEN layers."""

    model: GligenModel
    texts: tuple[GroundedText, ...]

    def hook(self, height: int, width: int) -> AfterSelfAttention:
        """What acts between the attentions for a latent of this size, in cells."""

        def see(tokens: Tokens, place: Place, call: NetworkCall) -> Tokens:
            key = (self, height, width)
            if key not in call.memory:
                call.memory[key] = self._objects(height, width)
            return self.model.fused(tokens, call.memory[key], place)

        return see

    def _objects(self, height: int, width: int) -> Tensor:
        boxes = [
            (area.x / width, area.y / height, (area.x + area.width) / width, (area.y + area.height) / height)
            for area in (text.area for text in self.texts)
        ]
        return self.model.objects(torch.tensor(boxes), torch.cat([text.pooled for text in self.texts]))
