"""Control nets as conditioning carries them: what they are asked and what they answer; `guidance.py` asks."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from app.inference.hooks import NetworkCall
from app.inference.types import Latent, Sigma, Tokens


@dataclass(frozen=True, kw_only=True, eq=False)
class Residuals:
    """What control nets add to the UNet, all [B, C, H, W]; None where nothing is added.

    `skips[k]` is added to the skip tensor of input block k when it is joined (ControlNet), `input_blocks[k]`
    to the hidden state after input block k (T2I-Adapter), `middle` to the middle block's output.
    """

    skips: tuple[Tensor | None, ...] = ()
    input_blocks: tuple[Tensor | None, ...] = ()
    middle: Tensor | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlQuestion:
    """What the UNet is about to be fed, for all chunks of the batch that carry the same net.

    `x` is the scaled noisy latent in the network's dtype without extra channels, `timestep` [B], `tokens`
    [B, T, width] and `label` [B, adm] those of the UNet, `count` the number of chunks in the batch.
    """

    x: Latent
    sigma: Sigma
    timestep: Tensor
    tokens: Tokens
    label: Tensor | None
    count: int
    call: NetworkCall


class Control(Protocol):
    """A control net with its picture, strength and range, and the nets before it in the chain."""

    def residuals(self, question: ControlQuestion) -> Residuals | None:
        """The sum over the whole chain at this level; None when no net of it is in its range."""
        ...
