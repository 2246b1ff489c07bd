"""LoKr: the change is a Kronecker product of two small matrices; Yeh et al. 2023 (LyCORIS), section 3."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Adapter, Parts, like, scale
from app.inference.patches.product import Product, read_product


@dataclass(frozen=True, kw_only=True, eq=False)
class Lokr(Adapter):
    """scale * kron(first, second), each whole or a product; `second` has the kernel of a convolution."""

    first: Tensor | Product
    second: Tensor | Product
    scale: float

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        return _size(self.first) * _size(self.second) == shape.numel()

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`."""
        first, second = _matrix(self.first, weight), _matrix(self.second, weight)
        if second.ndim == 4:
            first = first[:, :, None, None]
        return torch.kron(first, second).mul_(self.scale).reshape(weight.shape)


def read_lokr(parts: Parts) -> Lokr | None:
    """The adapter, if these are its parts. Alpha counts with the second factor's rank, else the first's."""
    first = parts["lokr_w1"] if "lokr_w1" in parts else read_product(parts, "lokr_w1", "lokr_t1")
    second = parts["lokr_w2"] if "lokr_w2" in parts else read_product(parts, "lokr_w2", "lokr_t2")
    if first is None or second is None:
        return None
    ranks = [each.rank for each in (second, first) if isinstance(each, Product)]
    return Lokr(first=first, second=second, scale=scale(parts, ranks[0] if ranks else None))


def _size(factor: Tensor | Product) -> int:
    return factor.size if isinstance(factor, Product) else factor.numel()


def _matrix(factor: Tensor | Product, weight: Tensor) -> Tensor:
    return factor.matrix(weight) if isinstance(factor, Product) else like(factor, weight)
