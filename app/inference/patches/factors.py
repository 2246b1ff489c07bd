"""Multiplies the projections of attention layers by numbers; the attention multiply nodes call it."""

import re
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from app.inference.weight_patch import WeightPatch

_UNET = re.compile(r"\.attn(?P<attention>[12])\.to_(?P<part>q|k|v|out)(?:\.0)?\.(?:weight|bias)$")
_TEXT = re.compile(r"\.self_attn\.(?P<part>q|k|v|out)_proj\.(?:weight|bias)$")


@dataclass(frozen=True, slots=True)
class AttentionFactors:
    """Factors of the projections to queries, keys, values and of the output, weights and biases alike."""

    q: float
    k: float
    v: float
    out: float


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorPatch:
    """factor * W; implements `WeightPatch`."""

    identity: Hashable
    factors: Mapping[str, float]

    @property
    def names(self) -> Collection[str]:
        """See `WeightPatch`."""
        return self.factors.keys()

    def apply(self, name: str, weight: Tensor) -> Tensor:
        """See `WeightPatch`."""
        return weight.mul_(self.factors[name])


def unet_attention_patch(names: Iterable[str], attention: int, factors: AttentionFactors) -> WeightPatch:
    """Scales a UNet's self-attentions (`attention` 1) or cross-attentions (2)."""
    found = {name: match for name in names if (match := _UNET.search(name))}
    return FactorPatch(
        identity=("attention factors", attention, factors),
        factors={
            name: getattr(factors, match["part"])
            for name, match in found.items()
            if match["attention"] == str(attention) and getattr(factors, match["part"]) != 1
        },
    )


def text_attention_patch(names: Iterable[str], factors: AttentionFactors) -> WeightPatch:
    """Scales the attentions of a text network."""
    found = {name: match for name in names if (match := _TEXT.search(name))}
    return FactorPatch(
        identity=("attention factors", factors),
        factors={
            name: getattr(factors, match["part"])
            for name, match in found.items()
            if getattr(factors, match["part"]) != 1
        },
    )
