"""GLoRA: a low-rank change that also scales with the weight; Chavan et al. 2023."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Adapter, Parts, like, number


@dataclass(frozen=True, kw_only=True, eq=False)
class Glora(Adapter):
    """alpha / r * (W a1 a2 + b1 b2), or in the old layout of files alpha / r * (W a2 a1 + b2 b1)."""

    a1: Tensor
    a2: Tensor
    b1: Tensor
    b2: Tensor
    alpha: float | None

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        return self._is_old(shape) is not None

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`."""
        a1, a2, b1, b2 = (like(each, weight).flatten(1) for each in (self.a1, self.a2, self.b1, self.b2))
        if self._is_old(weight.shape):
            a1, a2, b1, b2 = a2, a1, b2, b1
        factor = 1.0 if self.alpha is None else self.alpha / a1.shape[1]
        product = a1 @ a2
        if weight.ndim > 2:  # the contraction runs over the input channels
            scaled = torch.einsum("oihw,ij->ojhw", weight, product)
            return factor * (scaled + _kernel(b1 @ b2, weight.shape))
        return factor * (weight @ product + b1 @ b2)

    def _is_old(self, shape: torch.Size) -> bool | None:
        """Which layout the axes show; None: neither fits. Where both fit it is the new one,
        but for square weights."""
        out, into = shape[0], shape[1]
        a1, a2, b1, b2 = (each.flatten(1).shape for each in (self.a1, self.a2, self.b1, self.b2))
        new = (
            a1[0] == a2[1] == into
            and a1[1] == a2[0]
            and b1[0] == out
            and b1[1] == b2[0]
            and b2[1] in (into, shape[1:].numel())
        )
        old = (
            a1[1] == a2[0] == into
            and a1[0] == a2[1]
            and b2[0] == out
            and b2[1] == b1[0]
            and b1[1] in (into, shape[1:].numel())
        )
        if new and old:
            return out == into and a2[0] == out
        return old if new or old else None


def _kernel(product: Tensor, shape: torch.Size) -> Tensor:
    if product.numel() == shape.numel():
        return product.reshape(shape)
    return product[:, :, None, None]


def read_glora(parts: Parts) -> Glora | None:
    """The adapter, if these are its parts."""
    if not {"a1", "a2", "b1", "b2"} <= parts.keys():
        return None
    return Glora(a1=parts["a1"], a2=parts["a2"], b1=parts["b1"], b2=parts["b2"], alpha=number(parts, "alpha"))
