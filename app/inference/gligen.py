"""Texts grounded in boxes (GLIGEN) as conditioning carries them; `guidance.py` asks for their hook."""

from typing import Protocol

from app.inference.hooks import AfterSelfAttention


class GroundedTexts(Protocol):
    """Boxes with texts for one model with GLIGEN layers."""

    def hook(self, height: int, width: int, batch: int) -> AfterSelfAttention:
        """What acts between the attentions for a latent of this size, in cells."""
        ...
