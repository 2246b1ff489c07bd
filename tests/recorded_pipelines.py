"""Runs recorded prompts node by node and compares their outputs; tests of models and nodes ask.

The record's `_doc` tells what is compared: every listed number within a share of the largest magnitude.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from app.inference.conditioning.entry import CondEntry, PictureSize
from app.inference.latents.batch import LatentBatch
from app.nodes.context import NodeContext
from app.nodes.registry import builtin_nodes
from tests.golden_models import GoldenModels, recorded

NODES = builtin_nodes()
SHARE = 1e-4  # of the largest magnitude; the record's own tolerance
POSITIONS, STRIDE = 64, 7919  # which elements are listed under "at"
DIFFERENCE_SHARE = 0.02  # differences between cases are recorded with two digits
DIFFERENCE_SLACK = 0.006
SIZES = ("width", "height", "crop_w", "crop_h", "target_width", "target_height")


@dataclass(frozen=True)
class Case:
    """A recorded prompt with the outputs that it must give."""

    family: str
    name: str

    @property
    def record(self) -> dict[str, Any]:
        """The case as it is in the file."""
        return recorded()["families"][self.family]["cases"][self.name]

    @property
    def prompt(self) -> dict[str, Any]:
        """The prompt in API format; a case may be another one with some inputs replaced."""
        if "graph" in self.record:
            return copy.deepcopy(self.record["graph"])
        prompt = Case(self.family, self.record["from"]).prompt
        for node, inputs in self.record.get("set", {}).items():
            prompt[node]["inputs"].update(inputs)
        return prompt

    def __str__(self) -> str:
        return f"{self.family}: {self.name}"


def all_cases(families: Iterable[str] | None = None) -> list[Case]:
    """The recorded cases of some families, or all."""
    wanted = recorded()["families"] if families is None else families
    return [Case(family, name) for family in wanted for name in recorded()["families"][family]["cases"]]


@dataclass
class PipelineRunner:
    """Runs cases on one folder; first outputs are kept, since later cases are compared with them."""

    models: GoldenModels
    _first_outputs: dict[Case, Tensor] = field(default_factory=dict)

    def check(self, case: Case) -> None:
        """Run a case and compare every recorded output and its distance to other cases."""
        expected = case.record["expect"]
        results = self.run(case.prompt, expected)
        for place, described in expected.items():
            assert_output(results[place], described, case.record.get("rel_tol", SHARE))
        self._first_outputs[case] = _first_tensor(next(iter(results.values())))
        for other, distance in case.record.get("differs_from", {}).items():
            self._check_distance(case, Case(case.family, other), distance)

    def run(self, prompt: dict[str, Any], places: Iterable[str]) -> dict[str, Any]:
        """Outputs by place: a node id, or `id:k` for its output number k."""
        self.models.prepare(prompt)
        context = self.models.context()
        return run_prompt(context, prompt, places)

    def _check_distance(self, case: Case, other: Case, recorded_distance: float) -> None:
        if other not in self._first_outputs:
            first = next(iter(other.record["expect"]))
            results = self.run(other.prompt, [first])
            self._first_outputs[other] = _first_tensor(results[first])
        ours, theirs = self._first_outputs[case], self._first_outputs[other]
        if ours.shape == theirs.shape:
            distance = ((ours - theirs).norm() / theirs.norm()).item()
            limit = DIFFERENCE_SLACK + DIFFERENCE_SHARE * recorded_distance
            assert abs(distance - recorded_distance) <= limit, f"{distance} from {other}, {recorded_distance}"


def run_prompt(context: NodeContext, prompt: dict[str, Any], places: Iterable[str]) -> dict[str, Any]:
    """Run the nodes that the wanted outputs depend on."""
    results: dict[str, tuple[Any, ...]] = {}

    def outputs(node_id: str) -> tuple[Any, ...]:
        if node_id not in results:
            node = prompt[node_id]
            inputs = {
                name: outputs(given[0])[given[1]] if isinstance(given, list) else given
                for name, given in node["inputs"].items()
            }
            returned = NODES[node["class_type"]].run(context, **inputs)
            results[node_id] = returned if isinstance(returned, tuple) else returned.outputs
        return results[node_id]

    with torch.inference_mode():
        return {place: outputs(place.split(":")[0])[int(place.partition(":")[2] or 0)] for place in places}


def assert_output(actual: Any, expected: dict[str, Any], share: float = SHARE) -> None:
    """Compare a node's output with its record."""
    match expected["type"]:
        case "LATENT":
            assert isinstance(actual, LatentBatch)
            assert_tensor(actual.samples, expected["samples"], share)
            assert (actual.noise_mask is None) == ("noise_mask" not in expected)
            if actual.noise_mask is not None:
                assert_tensor(actual.noise_mask, expected["noise_mask"], share)
            assert list(actual.batch_index or []) == expected.get("batch_index", [])
        case "CONDITIONING":
            for ours, theirs in zip(actual, expected["entries"], strict=True):
                assert_entry(ours, theirs, share)
        case _:
            assert_tensor(actual, expected["tensor"], share)


def assert_entry(actual: CondEntry, expected: dict[str, Any], share: float = SHARE) -> None:
    """Compare one conditioning entry: states, pooled vector and sizes."""
    assert_tensor(actual.tokens, expected["cond"], share)
    if expected["pooled"] is None:
        assert actual.pooled is None
    else:
        assert actual.pooled is not None
        assert_tensor(actual.pooled, expected["pooled"], share)
    size = actual.size or PictureSize()
    for name in SIZES:
        assert getattr(size, name) == expected.get(name, getattr(PictureSize(), name))


def assert_tensor(actual: Tensor, expected: dict[str, Any], share: float = SHARE) -> None:
    """Compare a tensor with its recorded elements and statistics."""
    assert list(actual.shape) == expected["shape"]
    flat = actual.double().flatten().cpu()
    if "values" in expected:
        wanted = torch.tensor(expected["values"], dtype=torch.float64).flatten()
        assert (flat - wanted).abs().max() <= share * wanted.abs().max()
        return
    limit = share * expected["absmax"]
    numbers = {
        "mean": flat.mean(),
        "std": flat.std(correction=0),
        "absmax": flat.abs().max(),
        "at": picked(actual, POSITIONS),
    }
    if "row_norms" in expected:
        numbers["row_norms"] = actual[0].double().norm(dim=-1)
    for name, number in numbers.items():
        difference = (number - torch.tensor(expected[name], dtype=torch.float64)).abs().max().item()
        assert difference <= limit, f"{name} is off by {difference}, allowed is {limit}"


def picked(tensor: Tensor, count: int) -> Tensor:
    """The elements that the record lists: flat number k * 7919 modulo the size, k = 0 .. count - 1."""
    flat = tensor.double().flatten().cpu()
    return flat[torch.arange(count) * STRIDE % len(flat)]


def _first_tensor(output: Any) -> Tensor:
    if isinstance(output, LatentBatch):
        return output.samples
    return output if isinstance(output, Tensor) else output[0].tokens
