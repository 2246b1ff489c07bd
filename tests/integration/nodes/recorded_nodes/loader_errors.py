"""Runs the recorded cases of loaders that are handed a file of another kind or none."""

from typing import Any

import torch
from safetensors.torch import save_file

from app.graph.node_schema import InputSchema
from tests.integration.nodes.recorded_nodes.calls import NODES, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.stubs import stub_model
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
        return stub_model("sd1_eps")
    if declared.choices:
        return declared.choices[0]
    return declared.options.get("default")
