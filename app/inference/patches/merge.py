"""Merging: a model's weights mixed with those of another one, as a patch; the merge nodes call it."""

import logging
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.text_encoder import ClipTextNetwork, TextEncoder
from app.inference.models.weights import PatchedWeights
from app.inference.weight_patch import WeightPatch

logger = logging.getLogger(__name__)

NOT_MERGED = (".position_ids", ".logit_scale")
"""Ends of names of tensors that are no weights."""


class ModelsDoNotMatch(ValueError):
    """Two models of different families cannot be merged."""

    code = "models_do_not_match"

    def __init__(self) -> None:
        super().__init__(
            "The models have no layer of equal name and size in common: merge models of one family."
        )


@dataclass(frozen=True, slots=True)
class Share:
    """own * W1 + other * W2 for tensors whose name begins with `prefix`."""

    prefix: str
    own: float
    other: float


@dataclass(frozen=True, slots=True)
class MergeRule:
    """How much of both models each tensor gets; the longest prefix counts, and where none fits the first."""

    shares: tuple[Share, ...]

    def of(self, name: str) -> Share:
        """The share of a tensor by its name in the original layout."""
        fitting = [each for each in self.shares if name.startswith(each.prefix)]
        return max(fitting, key=lambda each: len(each.prefix), default=self.shares[0])


def mix(ratio: float) -> MergeRule:
    """ratio * W1 + (1 - ratio) * W2."""
    return mix_by_prefix({"": ratio})


def mix_by_prefix(ratios: Mapping[str, float]) -> MergeRule:
    """The same with a ratio for each beginning of a name."""
    return MergeRule(tuple(Share(prefix, ratio, 1 - ratio) for prefix, ratio in ratios.items()))


def add() -> MergeRule:
    """W1 + W2."""
    return MergeRule((Share("", 1.0, 1.0),))


def subtract(multiplier: float) -> MergeRule:
    """multiplier * (W1 - W2)."""
    return MergeRule((Share("", multiplier, -multiplier),))


@dataclass(frozen=True, kw_only=True, eq=False)
class MergePatch:
    """Mixes tensors with those of another network under its own patches; implements `WeightPatch`."""

    identity: Hashable
    shares: Mapping[str, Share]
    other: PatchedWeights[Any]
    other_patches: tuple[WeightPatch, ...]

    @property
    def names(self) -> Collection[str]:
        """See `WeightPatch`."""
        return self.shares.keys()

    def apply(self, name: str, weight: Tensor) -> Tensor:
        """See `WeightPatch`."""
        share = self.shares[name]
        patches = [each for each in self.other_patches if name in each.names]
        other = self.other.value(name, patches).to(weight.device)
        return weight.mul_(share.own).add_(other, alpha=share.other)


def merged_models(first: DiffusionModel, second: DiffusionModel, rule: MergeRule) -> DiffusionModel:
    """The first model with its weights mixed with the second's; patches of both take part."""
    unet = first.network
    patch = merge_patch(unet.weights, second.network.weights, second.patches, rule, names=unet.original_names)
    return first if patch is None else first.with_patches((patch,))


def merged_texts(first: TextEncoder, second: TextEncoder, rule: MergeRule) -> TextEncoder:
    """The first text encoder with the networks that both have mixed; patches of both take part.

    ModelsDoNotMatch when they have none in common.
    """
    theirs = second.networks
    common = {kind: network for kind, network in first.networks.items() if kind in theirs}
    if not common:
        raise ModelsDoNotMatch
    changed: dict[str, ClipTextNetwork] = {}
    for kind, network in common.items():
        other = theirs[kind]
        patch = merge_patch(network.weights, other.weights, other.patches, rule, names={})
        if patch is not None:
            changed[kind] = network.with_patches((patch,))
    return first.with_networks(changed)


def merge_patch(
    own: PatchedWeights[Any],
    other: PatchedWeights[Any],
    other_patches: Sequence[WeightPatch],
    rule: MergeRule,
    *,
    names: Mapping[str, str],
) -> MergePatch | None:
    """The patch that mixes `own` with `other`; None when nothing changes.

    `names` maps the network's tensor names to those of the original layout, which the rule speaks of; a name
    without another one stands for itself. Tensors
    that only one network has, or in another size, stay. ModelsDoNotMatch when that is so for all.
    """
    theirs = set(other.names)
    mergeable = [name for name in own.names if not name.endswith(NOT_MERGED)]
    common = [
        name
        for name in mergeable
        if name in theirs and own.original(name).shape == other.original(name).shape
    ]
    if not common:
        raise ModelsDoNotMatch
    if len(common) < len(mergeable):
        left = next(name for name in mergeable if name not in set(common))
        logger.warning(
            "Layers that the models do not share stay as in the first: %d, such as %s",
            len(mergeable) - len(common),
            names.get(left, left),
        )
    shares = {name: rule.of(names.get(name, name)) for name in common}
    changing = {name: share for name, share in shares.items() if (share.own, share.other) != (1, 0)}
    if not changing:
        return None
    return MergePatch(
        identity=("merge", other.identity, tuple(each.identity for each in other_patches), rule),
        shares=changing,
        other=other,
        other_patches=tuple(other_patches),
    )
