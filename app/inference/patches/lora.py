"""LoRA and LoCon: the change is a product of thin matrices; Hu et al. 2021, Yeh et al. 2023 (LyCORIS)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Adapter, Parts, like, scale


@dataclass(frozen=True, kw_only=True, eq=False)
class Lora(Adapter):
    """scale * up @ down, with `middle` between them where the convolution was factored further (Tucker)."""

    up: Tensor
    down: Tensor
    middle: Tensor | None
    scale: float

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        columns = self.down[0].numel() * (1 if self.middle is None else self.middle[0, 0].numel())
        ranks_agree = self.up[0].numel() == len(self.down if self.middle is None else self.middle)
        return ranks_agree and len(self.up) == shape[0] and columns == shape[1:].numel()

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`."""
        up, down = self._factors(weight)
        return (self.scale * (up @ down)).reshape(weight.shape)

    def add_to(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`; one multiplication that adds onto the weight in place."""
        up, down = self._factors(weight)
        return weight.flatten(1).addmm_(up, down, alpha=strength * self.scale).reshape(weight.shape)

    def _factors(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """up [out, r] and down [r, rest]."""
        up, down = like(self.up, weight).flatten(1), like(self.down, weight)
        if self.middle is not None:
            down = torch.einsum("mnhw,nj->mjhw", like(self.middle, weight), down.flatten(1))
        return up, down.flatten(1)


def read_lora(parts: Parts) -> Lora | None:
    """The adapter, if these are its parts."""
    if "up" not in parts or "down" not in parts:
        return None
    down = parts["down"]
    return Lora(up=parts["up"], down=down, middle=parts.get("mid"), scale=scale(parts, len(down)))
