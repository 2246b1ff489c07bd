"""LoHa: the change is the elementwise product of two low-rank matrices; Hyeon-Woo et al. 2022 (FedPara)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Adapter, Parts, scale
from app.inference.patches.product import Product, read_product


@dataclass(frozen=True, kw_only=True, eq=False)
class Loha(Adapter):
    """scale * first * second."""

    first: Product
    second: Product
    scale: float

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        return self.first.size == self.second.size == shape.numel()

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`."""
        product = self.first.matrix(weight).mul_(self.second.matrix(weight))
        return product.mul_(self.scale).reshape(weight.shape)


def read_loha(parts: Parts) -> Loha | None:
    """The adapter, if these are its parts."""
    first = read_product(parts, "hada_w1", "hada_t1")
    second = read_product(parts, "hada_w2", "hada_t2")
    if first is None or second is None:
        return None
    return Loha(first=first, second=second, scale=scale(parts, first.rank))
