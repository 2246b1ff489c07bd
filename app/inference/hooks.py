"""What a node may change in guidance and inside the network of a model; `guidance.py` and `unet.py` call it.

Hooks are plain functions gathered in frozen records, so that a model with hooks is a new value and the
original stays as it was. A hook that remembers something between calls keeps it in `memory`, which is new for
every run.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from torch import Tensor

from app.inference.conditioning import Conditioning
from app.inference.model_sampling import ModelSampling
from app.inference.types import Latent, Mask, Sigma, Sigmas

Memory: TypeAlias = dict[Any, Any]
"""State of hooks during one run, by any key that is the hook's own."""

# --- inside the network -------------------------------------------------------------------------------------


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


# --- guidance -----------------------------------------------------------------------------------------------


class Evaluate(Protocol):
    """Predicts a side again; hooks that need further network calls use it."""

    def __call__(
        self,
        side: int | Conditioning,
        x: Latent,
        *,
        hooks: NetworkHooks | None = None,
        negative: bool = ...,
    ) -> Latent:
        """Denoised prediction of a side of the run (0 positive, 1 negative) or of another conditioning.

        `hooks` come in addition to the model's. `negative` tells that a conditioning given whole plays a
        negative role.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GuidanceStep:
    """What guidance hooks see of a step; all latents in model space, denoised.

    `negative` is zero when it was not computed (cfg 1 and no hook that needs it).
    """

    x: Latent
    sigma: Sigma
    sigmas: Sigmas
    cfg: float
    positive: Latent
    negative: Latent
    model_sampling: ModelSampling
    evaluate: Evaluate
    memory: Memory

    @property
    def is_mixed(self) -> bool:
        """Whether both sides count: at cfg 1 the negative one does not."""
        return not math.isclose(self.cfg, 1.0)


BeforeCfg: TypeAlias = Callable[[GuidanceStep], tuple[Latent, Latent]]
"""Returns new predictions of both sides."""

ReplaceCfg: TypeAlias = Callable[[GuidanceStep], Latent]
"""Mixes both sides in place of u + (c - u) * cfg."""

AfterCfg: TypeAlias = Callable[[GuidanceStep, Latent], Latent]
"""Changes the mixed prediction."""

MaskAtStep: TypeAlias = Callable[[Mask, Sigma, Sigmas, ModelSampling], Mask]
"""The denoise mask [B, C, h8, w8] to use at a level, from the whole mask and the run's levels."""


@dataclass(frozen=True, kw_only=True)
class GuidanceHooks:
    """Changes of guidance, in the order in which they act."""

    before_cfg: tuple[BeforeCfg, ...] = ()
    replace_cfg: ReplaceCfg | None = None
    after_cfg: tuple[AfterCfg, ...] = ()
    needs_negative: bool = False
    """The negative side is computed even where cfg is 1."""
    mask_at_step: MaskAtStep | None = None


NO_NETWORK_HOOKS = NetworkHooks()
NO_GUIDANCE_HOOKS = GuidanceHooks()

_Hooks = TypeVar("_Hooks", NetworkHooks, GuidanceHooks)


def joined(first: _Hooks, second: _Hooks) -> _Hooks:
    """Both sets of hooks, those of `second` after those of `first`; of single ones the later counts."""
    if second in (NO_NETWORK_HOOKS, NO_GUIDANCE_HOOKS):
        return first
    changes: dict[str, Any] = {}
    for each in fields(first):
        old, new = getattr(first, each.name), getattr(second, each.name)
        if isinstance(old, tuple):
            changes[each.name] = old + new
        else:
            changes[each.name] = new or old
    return replace(first, **changes)
