"""Encoded text as the sampling driver takes it; made by `text/encode.py`, combined by conditioning nodes."""

from dataclasses import dataclass
from typing import TypeAlias

from app.inference.types import Pooled, Tokens


@dataclass(frozen=True, kw_only=True)
class CondEntry:
    """One text's states and how much they count.

    `tokens` float32 [1, T, width]; `pooled` float32 [1, width] where the model uses one; `strength` is the
    weight of this entry in the mean over all entries of its side.
    """

    tokens: Tokens
    pooled: Pooled | None = None
    strength: float = 1.0


Conditioning: TypeAlias = tuple[CondEntry, ...]
"""All entries of one side, positive or negative; their predictions are averaged."""
