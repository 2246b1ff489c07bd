"""What all adapters have in common: a change of one weight tensor, read from the parts that a file stores."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor

Parts: TypeAlias = Mapping[str, Tensor]
"""Tensors of one layer by what they are, in any number format: `down`, `up`, `alpha`, `hada_w1_a` ..."""


class Adapter(ABC):
    """A change of a weight tensor: weight + strength * change(weight, strength)."""

    @abstractmethod
    def fits(self, shape: torch.Size) -> bool:
        """Whether tensors of this shape can be changed."""

    @abstractmethod
    def change(self, weight: Tensor, strength: float) -> Tensor:
        """The change at strength 1, float32 of the weight's shape; few kinds look at `strength`."""

    def add_to(self, weight: Tensor, strength: float) -> Tensor:
        """The changed weight; `weight` float32 is written to."""
        return weight.add_(self.change(weight, strength), alpha=strength)


def number(parts: Parts, name: str) -> float | None:
    """A part that is a single number, such as alpha; None where the file has none."""
    return parts[name].item() if name in parts else None


def scale(parts: Parts, rank: int | None) -> float:
    """alpha / rank; 1 where the file has no alpha or the adapter no rank."""
    alpha = number(parts, "alpha")
    return 1.0 if alpha is None or rank is None else alpha / rank


def like(part: Tensor, weight: Tensor) -> Tensor:
    """The part as a float32 tensor where the weight is."""
    return part.to(weight.device, torch.float32)
