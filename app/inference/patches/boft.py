"""BOFT: a butterfly of rotations mixes all output rows in few levels; Liu et al. 2024."""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.patches.adapter import Adapter, Parts, like, number
from app.inference.patches.oft import rotations


@dataclass(frozen=True, kw_only=True, eq=False)
class Boft(Adapter):
    """Rotations [levels, n, b, b]; level i mixes rows that are 2^i * b / 2 apart."""

    blocks: Tensor
    constraint: float
    rescale: Tensor | None

    def fits(self, shape: torch.Size) -> bool:
        """See `Adapter`."""
        levels, count, rows, columns = self.blocks.shape
        longest = 2**levels * (rows // 2)  # rows that the last level regroups together
        return rows == columns and count * rows == shape[0] and shape[0] % longest == 0

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """See `Adapter`. Every rotation is blended with the identity by the strength."""
        size = self.blocks.shape[-1]
        turned = rotations(like(self.blocks, weight), self.constraint)
        turned = strength * turned + (1 - strength) * torch.eye(size, device=weight.device)
        rows = weight.flatten(1)
        for level, level_blocks in enumerate(turned):
            distance = 2**level * (size // 2)
            grouped = _regrouped(rows, distance, 2).reshape(-1, size, rows.shape[1])
            rows = _regrouped((level_blocks @ grouped).reshape(rows.shape), 2, distance)
        if self.rescale is not None:
            rows = rows * like(self.rescale, weight).reshape(-1, 1)
        return rows.reshape(weight.shape) - weight


def _regrouped(rows: Tensor, distance: int, count: int) -> Tensor:
    """Rows read as (-1, count, distance) and laid out as (-1, distance, count)."""
    return rows.reshape(-1, count, distance, rows.shape[1]).transpose(1, 2).reshape(rows.shape)


def read_boft(parts: Parts) -> Boft | None:
    """The adapter, if these are its parts; alpha must be among them."""
    blocks, alpha = parts.get("oft_blocks"), number(parts, "alpha")
    if blocks is None or blocks.ndim != 4 or alpha is None:
        return None
    return Boft(blocks=blocks, constraint=alpha, rescale=parts.get("rescale"))
