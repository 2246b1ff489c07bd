"""Runs the recorded cases of loaders that are handed a file of another kind or none."""

from typing import Any

import torch
from safetensors.torch import save_file

from app.graph.node_schema import InputSchema
from tests.integration.nodes.recorded_nodes.calls import NODES, Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.merges import model_of_numbers
from tests.unit.nodes.recording_context import RecordingContext


def run(case: Case, context: RecordingContext) -> Seen:
    """Call the loader with the recorded file name, everything else as it stands in a new node."""
    file_name = case["in"]["file"]
    inputs = {each.name: _given(each, file_name) for each in NODES[case["node"]].schema.inputs}
    if file_name == "bad.safetensors":
        for each in NODES[case["node"]].schema.inputs:
            if each.choices_from is not None:
                folder = context.folders.base / "models" / each.choices_from.removeprefix("models:")
                folder.mkdir(parents=True, exist_ok=True)
                save_file({"unrelated": torch.zeros(2, 2)}, folder / file_name)
    return call(context, case["node"], inputs)


def _given(declared: InputSchema, file_name: str) -> Any:
    if declared.choices_from is not None:
        return file_name
    if declared.type == "MODEL":
        return model_of_numbers({"out.2.weight": 1.0})
    if declared.choices:
        return declared.choices[0]
    return declared.options.get("default")


def lora(case: Case, context: RecordingContext) -> Seen:
    """A LoRA without matching keys is no error; the record says so in words."""
    (model,) = run(case, context)["out"]
    assert model.patches == ()
    return {"out": ["loads without error; nothing is applied"]}


RUNNERS: dict[tuple[str | None, str], Runner] = {
    ("loader_error", "*"): run,
    ("loader_error", "LoraLoaderModelOnly"): lora,
}
