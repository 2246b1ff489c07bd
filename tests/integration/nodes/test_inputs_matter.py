"""Each input of each picture, mask, latent and text node changes what comes out; none is ignored.

The recorded cases are the starting points: one input at a time gets other values until the outputs differ.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from app.graph.node_schema import InputSchema
from app.inference.latents.batch import LatentBatch
from app.nodes import (
    image_batch,
    image_composite,
    image_filters,
    image_size,
    image_transform,
    latent,
    latent_batch,
    latent_empty,
    latent_mix,
    latent_transform,
    mask,
    mask_shapes,
    primitives,
    strings,
)
from app.nodes.declare import NodeClass, NodeResult
from tests.integration.nodes.recorded_nodes.calls import NODES
from tests.integration.nodes.recorded_nodes.cases import cases
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

MODULES = (
    image_batch,
    image_composite,
    image_filters,
    image_size,
    image_transform,
    latent,
    latent_batch,
    latent_empty,
    latent_mix,
    latent_transform,
    mask,
    mask_shapes,
    primitives,
    strings,
)
READ_FILES = ("LoadImageMask",)  # test_picture_files.py
STEPS = torch.arange(64)[:, None] / 63 * ((torch.arange(12) - 5) / 2).clamp(0, 1)  # an edge fading upwards
FURTHER = {  # where the recorded cases do not show what an input does
    "Canny": {
        "image": STEPS[None, ..., None].repeat(1, 1, 1, 3),
        **{"low_threshold": 0.4, "high_threshold": 0.9},
    },
    "LatentCrop": {
        "samples": value({"$": "LATENT", "samples": {"$": "latent", "shape": [1, 4, 20, 20]}}),
        **{"width": 64, "height": 64, "x": 8, "y": 8},
    },
}
INPUTS = [
    (node.schema.class_type, declared)
    for module in MODULES
    for node in module.NODES
    for declared in node.schema.inputs
    if node.schema.class_type not in READ_FILES
]


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path)


@pytest.mark.parametrize(
    ("class_type", "declared"), INPUTS, ids=lambda each: each if isinstance(each, str) else each.name
)
def test_input_changes_the_output(context: RecordingContext, class_type: str, declared: InputSchema) -> None:
    node = NODES[class_type]

    assert any(
        _differ(_run(node, context, inputs), _run(node, context, {**inputs, declared.name: other}))
        for inputs in _starting_points(class_type)
        for other in _others(declared, inputs.get(declared.name))
    )


def test_starting_points_give_the_same_twice(context: RecordingContext) -> None:
    for class_type in {class_type for class_type, _ in INPUTS}:
        for inputs in _starting_points(class_type):
            first, second = (_run(NODES[class_type], context, inputs) for _ in range(2))
            assert not _differ(first, second), class_type


def test_inputs_are_never_changed_in_place(context: RecordingContext) -> None:
    for class_type in {class_type for class_type, _ in INPUTS}:
        for given, untouched in zip(_starting_points(class_type), _starting_points(class_type), strict=True):
            _run(NODES[class_type], context, given)
            assert not _differ(list(given.values()), list(untouched.values())), class_type


def _starting_points(class_type: str) -> Iterator[dict[str, Any]]:
    for case in cases(class_type):
        if "error" not in case:
            yield {name: value(described) for name, described in case["in"].items()}
    if class_type in FURTHER:
        yield FURTHER[class_type]


def _run(node: NodeClass, context: RecordingContext, inputs: dict[str, Any]) -> Any:
    """Outputs and what is shown; the name of the error where the node refuses."""
    try:
        returned = node.run(context, **inputs)
    except Exception as exc:  # other values may be refused; that is not a change we look for
        return type(exc)
    return (returned.outputs, returned.ui) if isinstance(returned, NodeResult) else (returned, {})


def _others(declared: InputSchema, now: Any) -> Iterator[Any]:
    """Other values for an input, those that its range allows."""
    match declared.type:
        case "INT" | "IMAGE" | "LATENT" if isinstance(now, list):
            yield from ([other, *now[1:]] for other in _others(declared, now[0]))
        case "INT" | "FLOAT":
            low, high = declared.options.get("min", -(2**31)), declared.options.get("max", 2**31)
            steps = (1, -1, 2, 16) if declared.type == "INT" else (0.25, -0.25, 0.1, 3.0)
            yield from (now + step for step in steps if low <= now + step <= high)
        case "BOOLEAN":
            yield not now
        case "COMBO":
            yield from (each for each in declared.choices or () if each != now)
        case "STRING":
            yield from (f"{now}x", "cat", "")
        case "IMAGE" | "MASK" if isinstance(now, Tensor):
            yield from (1 - now, now.flip(-2), torch.cat([now, now]), torch.zeros_like(now))
        case "LATENT":
            yield now.with_samples(now.samples.flip(-1) * 0.5)
        case "*":
            yield "something else"
        case _:
            pass


def _differ(first: Any, second: Any) -> bool:
    """Whether two results are different; a refusal is no result."""
    if isinstance(second, type):
        return False
    match first, second:
        case Tensor(), Tensor():
            return first.shape != second.shape or not torch.equal(first, second)
        case LatentBatch(), LatentBatch():
            return first.batch_index != second.batch_index or _differ(
                (first.samples, first.noise_mask), (second.samples, second.noise_mask)
            )
        case tuple() | list(), tuple() | list():
            return len(first) != len(second) or any(map(_differ, first, second))
        case _:
            return first != second
