"""A matrix stored as the product of thin ones; LoHa and LoKr are made of such."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Parts, like


@dataclass(frozen=True, kw_only=True, eq=False)
class Product:
    """a [out, r] @ b [r, in]; with a core [ra, rb, kh, kw] between b [rb, in] and a [ra, out] (Tucker)."""

    a: Tensor
    b: Tensor
    core: Tensor | None

    @property
    def rank(self) -> int:
        """Rows of b, which alpha is divided by."""
        return len(self.b)

    @property
    def size(self) -> int:
        """Numbers of the product."""
        if self.core is None:
            return len(self.a) * self.b.shape[1]
        return self.a.shape[1] * self.b.shape[1] * self.core[0, 0].numel()

    def matrix(self, weight: Tensor) -> Tensor:
        """The product [out, in] or [out, in, kh, kw], float32, where `weight` is."""
        a, b = like(self.a, weight), like(self.b, weight)
        if self.core is None:
            return a @ b
        return torch.einsum("abhw,bi,ao->oihw", like(self.core, weight), b, a).contiguous()


def read_product(parts: Parts, name: str, core: str) -> Product | None:
    """The product whose factors are called `name` with _a and _b, if it is there."""
    a, b = parts.get(f"{name}_a"), parts.get(f"{name}_b")
    if a is None or b is None:
        return None
    return Product(a=a, b=b, core=parts.get(core))
