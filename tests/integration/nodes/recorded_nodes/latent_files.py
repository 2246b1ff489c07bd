"""Runs the recorded cases that read or write latent files."""

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

MARKER = "latent_format_version_0"


def load(case: Case, context: RecordingContext) -> Seen:
    """Load a file as the case describes it."""
    tensors = {"latent_tensor": value(case["in"]["latent_tensor"])}
    described = case["in"]["file"]
    if MARKER in described:
        tensors[MARKER] = torch.empty(0)
    if "float16" in described:
        tensors["latent_tensor"] = tensors["latent_tensor"].half()
    save_file(tensors, context.folders.input / case["case"])
    return call(context, case["node"], {"latent": case["case"]})


def save(case: Case, context: RecordingContext) -> Seen:
    """Save a latent and describe the file that came of it."""
    given = case["in"]
    context.prompt, context.extra_pnginfo = given["prompt"], given["extra_pnginfo"]
    seen = call(
        context,
        case["node"],
        {"samples": value(given["samples"]), "filename_prefix": given["filename_prefix"]},
    )
    (path,) = context.files
    return {"ui": seen["ui"], "files": [_described(path, context.folders.output)]}


def _described(path: Path, root: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
        metadata = file.metadata()
    keys = {name: [str(each.dtype), list(each.shape)] for name, each in tensors.items()}
    return {"path": path.relative_to(root).as_posix(), "keys": keys, "metadata": metadata}


RUNNERS: dict[tuple[str | None, str], Runner] = {
    ("file", "LoadLatent"): load,
    ("save", "SaveLatent"): save,
}
