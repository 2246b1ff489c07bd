"""Runs the recorded cases of merge nodes, on models whose tensors have one number each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.weights import PatchedWeights
from app.inference.weight_patch import WeightPatch
from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.stubs import stub_model
from tests.unit.nodes.recording_context import RecordingContext

NUMBERS: dict[str, Callable[[int], float]] = {
    "key number i (from 1): i": lambda i: i,
    "1-2i": lambda i: 1 - 2 * i,
}


@dataclass(frozen=True)
class NumbersNetwork:
    """Named tensors in the place of a network; the names are those of the original code."""

    weights: PatchedWeights[nn.Module]

    @property
    def original_names(self) -> Mapping[str, str]:
        return {name: name for name in self.weights.names}


def model_of_numbers(numbers: Mapping[str, float]) -> DiffusionModel:
    """A model with these tensors, each of one element."""
    return replace(stub_model("sd1_eps"), network=cast("Any", NumbersNetwork(_weights(numbers))))


def merge_models(case: Case, context: RecordingContext) -> Seen:
    """Merge two models and read every tensor of the result."""
    given = dict(case["in"])
    keys = given.pop("keys")
    models = {}
    for model in ("model1", "model2"):
        number = NUMBERS[given.pop(f"{model} weights")]
        models[model] = model_of_numbers({key: number(i) for i, key in enumerate(keys, start=1)})
    (merged,) = call(context, case["node"], {**models, **given})["out"]
    return {"out": [numbers_of(merged)]}


def numbers_of(model: DiffusionModel) -> dict[str, float]:
    """The tensors of such a model with its patches."""
    return _values(model.network.weights, model.patches)


def _weights(numbers: Mapping[str, float]) -> PatchedWeights[nn.Module]:
    originals = {name: partial(_tensor, number) for name, number in numbers.items()}
    return PatchedWeights(nn.Module(), originals, device=torch.device("cpu"), dtype=torch.float32)


def _tensor(number: float) -> Tensor:
    return torch.tensor([number])


def _values(weights: PatchedWeights[Any], patches: Any) -> dict[str, float]:
    return {
        name: weights.value(name, [patch for patch in patches if name in patch.names]).item()
        for name in weights.names
    }


def merge_texts(case: Case, context: RecordingContext) -> Seen:
    """Merge two text encoders and read every tensor of the result."""
    inputs = {
        name: TextOfNumbers(_NumbersText(_weights(each))) if isinstance(each, dict) else each
        for name, each in case["in"].items()
    }
    (merged,) = call(context, case["node"], inputs)["out"]
    return {"out": [_values(merged.network.weights, merged.network.patches)]}


@dataclass(frozen=True)
class _NumbersText:
    weights: PatchedWeights[nn.Module]
    patches: tuple[WeightPatch, ...] = ()

    def with_patches(self, patches: tuple[WeightPatch, ...]) -> "_NumbersText":
        return replace(self, patches=self.patches + patches)


@dataclass(frozen=True)
class TextOfNumbers:
    """Named tensors in the place of a text encoder with one network."""

    network: _NumbersText

    @property
    def networks(self) -> Mapping[str, _NumbersText]:
        return {"l": self.network}

    def with_networks(self, networks: Mapping[str, _NumbersText]) -> "TextOfNumbers":
        return replace(self, network=networks.get("l", self.network))


RUNNERS: dict[tuple[str | None, str], Runner] = {
    ("merge", "*"): merge_models,
    ("merge", "CLIPMergeAdd"): merge_texts,
    ("merge", "CLIPMergeSimple"): merge_texts,
    ("merge", "CLIPMergeSubtract"): merge_texts,
}
