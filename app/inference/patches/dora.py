"""DoRA: direction and magnitude of a weight are learnt apart; Liu et al. 2024. Wraps any other adapter."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Adapter, like


@dataclass(frozen=True, kw_only=True, eq=False)
class Dora(Adapter):
    """W + strength * (V * magnitude / n - W) with V = W + change.

    With one magnitude per output row n are the row norms of W as earlier patches left it, otherwise the
    norms of V per input column.
    """

    inner: Adapter
    magnitude: Tensor

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        per_row, per_column = shape[0], shape[1]
        return self.inner.fits(shape) and self.magnitude.numel() in (per_row, per_column)

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`."""
        changed = weight + self.inner.change(weight, strength)
        trailing = (1,) * (weight.ndim - 2)
        if len(self.magnitude) == len(weight):
            shape = (-1, 1, *trailing)
            norms = weight.flatten(1).norm(dim=1).reshape(shape)
        else:
            shape = (1, -1, *trailing)
            norms = changed.transpose(0, 1).flatten(1).norm(dim=1).reshape(shape)
        norms = norms + torch.finfo(weight.dtype).eps
        return changed * (like(self.magnitude, weight).reshape(shape) / norms) - weight
