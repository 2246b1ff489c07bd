"""OFT: blocks of output rows are rotated; Qiu et al. 2023, rotations by Cayley's map (1846)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Adapter, Parts, like, number


@dataclass(frozen=True, kw_only=True, eq=False)
class Oft(Adapter):
    """One rotation [b, b] per block of b rows; `constraint` bounds how far all of them turn."""

    blocks: Tensor
    constraint: float

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        count, rows, columns = self.blocks.shape
        return rows == columns and count * rows == shape[0]

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`. The strength counts twice: here and where the change is added."""
        count, rows, _ = self.blocks.shape
        turned = rotations(like(self.blocks, weight), self.constraint)
        turned -= torch.eye(rows, device=weight.device)
        blocks = weight.reshape(count, rows, -1)
        return (strength * (turned.transpose(1, 2) @ blocks)).reshape(weight.shape)


def rotations(blocks: Tensor, constraint: float) -> Tensor:
    """(I + Q)(I - Q)^-1 with Q = B - B^T for every block [..., b, b].

    Above 0, `constraint` bounds the Frobenius norm of all Q together.
    """
    q = blocks - blocks.transpose(-1, -2)
    if constraint > 0:
        norm = q.norm()
        if norm > constraint:
            q = q * (constraint / norm)
    identity = torch.eye(q.shape[-1], device=q.device)
    return (identity + q) @ torch.linalg.inv(identity - q)


def read_oft(parts: Parts) -> Oft | None:
    """The adapter, if these are its parts."""
    blocks = parts.get("oft_blocks")
    if blocks is None or blocks.ndim != 3:
        return None
    return Oft(blocks=blocks, constraint=number(parts, "alpha") or 0.0)
