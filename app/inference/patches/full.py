"""Changes that a file stores whole: differences of weights, biases and norms, and replacements."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Adapter, like


@dataclass(frozen=True, eq=False)
class Difference(Adapter):
    """W + strength * difference."""

    difference: Tensor

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        return _same(self.difference, shape)

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`."""
        return like(self.difference, weight).reshape(weight.shape)


@dataclass(frozen=True, eq=False)
class Replacement(Adapter):
    """Another tensor in place of W, whatever the strength; earlier patches are lost, later ones add."""

    replacement: Tensor

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        return _same(self.replacement, shape)

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`."""
        return like(self.replacement, weight).reshape(weight.shape) - weight

    def add_to(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`."""
        return weight.copy_(self.replacement.reshape(weight.shape))


def _same(tensor: Tensor, shape: torch.Size) -> bool:
    """Equal shapes, but for the kernel of 1x1 convolutions."""
    return [n for n in tensor.shape if n != 1] == [n for n in shape if n != 1]
