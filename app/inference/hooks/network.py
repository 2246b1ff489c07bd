"""What a node may change inside the network of a model; `unet/walk.py` and its blocks call it.

Hooks are plain functions gathered in frozen records, so that a model with hooks is a new value and the
original stays as it was. A hook that remembers something between calls keeps it in `memory`, which is new for
every run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from torch import Tensor

from app.inference.model_sampling import ModelSampling
from app.inference.types import Sigma

Memory: TypeAlias = dict[Any, Any]
"""State of hooks during one run, by any key that is the hook's own."""


@dataclass(frozen=True, slots=True)
class Place:
    """A transformer layer of the UNet: `block` counts within its section, `layer` within the block."""

    section: Literal["input", "middle", "output"]
    block: int
    layer: int
    kind: Literal["self", "cross"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NetworkCall:
    """What hooks may know of a call of the network.

    `sides` names the part of guidance that each equal chunk of the batch belongs to: 0 positive, 1 negative,
    higher numbers for further ones; `entries` numbers their conditioning entries. `height` and `width` are
    those of the latent in cells. A `further` call was asked for by a hook, in addition to the guider's.
    """

    sigma: Sigma
    sides: tuple[int, ...]
    entries: tuple[int, ...]
    height: int
    width: int
    model_sampling: ModelSampling
    memory: Memory
    further: bool = False


Attend: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A whole attention, projections included: inputs of query, key and value [B, N, C] -> [B, N, C]."""

AroundAttention: TypeAlias = Callable[[Attend, Tensor, Tensor, Tensor, Place, NetworkCall], Tensor]
"""Calls `attend` with inputs of its choice and returns the attention's result."""

AttentionCore: TypeAlias = Callable[[Tensor, Tensor, Tensor, int, Place, NetworkCall], Tensor | None]
"""(q, k, v, heads, place, call), projected tensors [B, N, heads * width]; what it returns goes to the output
projection. None leaves the attention as it is."""

AfterSelfAttention: TypeAlias = Callable[[Tensor, Place, NetworkCall], Tensor]
"""Changes the tokens [B, N, C] between self- and cross-attention."""

InputBlockHook: TypeAlias = Callable[[Tensor, int, NetworkCall], Tensor]
"""(h [B, C, H, W] after input block k, k, call) -> h."""

OutputBlockHook: TypeAlias = Callable[[Tensor, Tensor, int, NetworkCall], tuple[Tensor, Tensor]]
"""(h, skip tensor before they are joined, number of the output block, call) -> (h, skip)."""

AroundNetwork: TypeAlias = Callable[[Callable[[Tensor], Tensor], Tensor, NetworkCall], Tensor]
"""(network, its scaled input x, call) -> output; may answer without calling `network`."""


@dataclass(frozen=True, kw_only=True)
class NetworkHooks:
    """Changes inside the network; each kind runs in the order in which it was added."""

    around_network: tuple[AroundNetwork, ...] = ()
    input_block: tuple[InputBlockHook, ...] = ()
    input_block_after_skip: tuple[InputBlockHook, ...] = ()
    output_block: tuple[OutputBlockHook, ...] = ()
    around_attention: tuple[AroundAttention, ...] = ()
    attention_core: tuple[AttentionCore, ...] = ()
    after_self_attention: tuple[AfterSelfAttention, ...] = ()


NO_NETWORK_HOOKS = NetworkHooks()
