"""Runs the recorded cases of hypernetworks: keys and values as attention gets them."""

from typing import Any

import torch
from torch import Tensor
from torch import device as Device

from app.inference.hooks.network import NetworkCall, Place
from app.inference.memory.model_store import ModelStore
from app.inference.model_sampling import families
from app.inference.models.files.pickles import Pickles
from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.stubs import stub_model
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

SOMEWHERE = Place("input", 1, 0, "cross")


def run(case: Case, context: RecordingContext) -> Seen:
    """What the model's only hook makes of the recorded key and value; the query stays."""
    folder = context.folders.base / "models/hypernetworks"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(document(case["case"]), folder / "made.pt")
    context.models = ModelStore(Device("cpu"), pickles=Pickles(copies=context.folders.base / "copies"))
    inputs = {
        "model": stub_model("sd1_eps"),
        "hypernetwork_name": "made.pt",
        "strength": case["in"]["strength"],
    }
    (model,) = call(context, case["node"], inputs)["out"]
    (change,) = model.network_hooks.around_attention
    return {"out": list(attended(change, value(case["in"]["k"]), value(case["in"]["v"])))}


def attended(change: Any, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """What an attention with this change gets as key and value."""
    seen: list[Tensor] = []

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        seen.extend((key, value))
        return query

    network_call = NetworkCall(
        sigma=torch.tensor(1.0),
        sides=(0,),
        entries=(1,),
        height=1,
        width=1,
        model_sampling=families.discrete(),
        memory={},
    )
    change(attend, key, key, value, SOMEWHERE, network_call)
    key, value = seen
    return key, value


def document(name: str) -> dict[Any, Any]:
    """The file of a case such as `relu layer_norm=True activate_output=False`, by the recorded formulas."""
    activation, *flags = name.split()
    chosen = {key: text == "True" for key, _, text in (flag.partition("=") for flag in flags)}
    norms = chosen["layer_norm"]
    return {
        4: [_network(part, norms=norms) for part in range(2)],
        "activation_func": activation,
        "is_layer_norm": norms,
        "activate_output": chosen["activate_output"],
        "use_dropout": True,
    }


def _network(part: int, *, norms: bool) -> dict[str, Tensor]:
    layers: dict[str, Tensor] = {}
    for number, (width_in, width_out) in enumerate([(4, 8), (8, 4)]):
        o, i = torch.arange(width_out), torch.arange(width_in)
        name = f"linear.{number * (2 if norms else 1)}"
        layers[f"{name}.weight"] = ((3 * o[:, None] + 5 * i + part + number) % 7 - 3) / 6
        layers[f"{name}.bias"] = ((3 * o + part) % 5 - 2) / 10
        if norms:
            norm = f"linear.{number * 2 + 1}"
            layers[f"{norm}.weight"] = 1 + ((2 * o + part) % 5 - 2) / 10
            layers[f"{norm}.bias"] = ((o + part) % 3 - 1) / 10
    return layers


RUNNERS: dict[tuple[str | None, str], Runner] = {("attn_patch", "HypernetworkLoader"): run}
