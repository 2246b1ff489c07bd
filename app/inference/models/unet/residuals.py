"""What is added to the hidden states of a UNet from outside; control nets make it, `unet/walk.py` adds it."""

from dataclasses import dataclass
from itertools import zip_longest

from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Residuals:
    """What control nets add to the UNet, all [B, C, H, W]; None where nothing is added.

    `skips[k]` is added to the skip tensor of input block k when it is joined (ControlNet), `input_blocks[k]`
    to the hidden state after input block k (T2I-Adapter), `middle` to the middle block's output.
    """

    skips: tuple[Tensor | None, ...] = ()
    input_blocks: tuple[Tensor | None, ...] = ()
    middle: Tensor | None = None

    def times(self, strength: float) -> "Residuals":
        """All of them scaled."""
        return Residuals(
            skips=tuple(_scaled(each, strength) for each in self.skips),
            input_blocks=tuple(_scaled(each, strength) for each in self.input_blocks),
            middle=_scaled(self.middle, strength),
        )

    def plus(self, other: "Residuals") -> "Residuals":
        """The sum place by place."""
        return Residuals(
            skips=tuple(_sum(a, b) for a, b in zip_longest(self.skips, other.skips)),
            input_blocks=tuple(_sum(a, b) for a, b in zip_longest(self.input_blocks, other.input_blocks)),
            middle=_sum(self.middle, other.middle),
        )


def _scaled(residual: Tensor | None, strength: float) -> Tensor | None:
    return None if residual is None else residual * strength


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b
