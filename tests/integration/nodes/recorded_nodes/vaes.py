"""Runs the recorded cases of the node that loads VAEs."""

import torch
from safetensors.torch import save_file

from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext


def load(case: Case, context: RecordingContext) -> Seen:
    """Load what the case names, and encode and decode with it."""
    given = case["in"]
    if "file" in given:
        folder = context.folders.base / "models/vae"
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"x": torch.zeros(1)}, folder / "other.safetensors")
    name = given.get("vae_name", "other.safetensors")
    (vae,) = call(context, case["node"], {"vae_name": name})["out"]
    return {"out": [vae.encode(value(given["encode"])), vae.decode(value(given["decode"]))]}


RUNNERS: dict[tuple[str | None, str], Runner] = {("vae", "VAELoader"): load}
