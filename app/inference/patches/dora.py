"""DoRA: direction and magnitude of a weight are learnt apart; Liu et al. 2024. Wraps any other adapter."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Adapter, like


@dataclass(frozen=True, kw_only=True, eq=False)
class Dora(Adapter):
    """W + strength * (V * magnitude / n - W) with V = W + change.

    With one magnitude per output row n are the row norms of W as earlier patches left it, or of V if the file
    `is_peft`, as PEFT trains it. Otherwise n are the norms of V per input column.
    """

    inner: Adapter
    magnitude: Tensor
    is_peft: bool = False

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        per_row, per_column = shape[0], shape[1]
        counts = (per_row,) if self.is_peft else (per_row, per_column)
        return self.inner.fits(shape) and self.magnitude.numel() in counts

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`."""
        changed = weight + self.inner.change(weight, strength)
        trailing = (1,) * (weight.ndim - 2)
        if self.is_peft or len(self.magnitude) == len(weight):
            shape = (-1, 1, *trailing)
            measured = changed if self.is_peft else weight
            norms = measured.flatten(1).norm(dim=1).reshape(shape)
        else:
            shape = (1, -1, *trailing)
            norms = changed.transpose(0, 1).flatten(1).norm(dim=1).reshape(shape)
        norms = norms + torch.finfo(weight.dtype).eps
        return changed * (like(self.magnitude, weight).reshape(shape) / norms) - weight
