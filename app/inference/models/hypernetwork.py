"""Hypernetworks: small networks that change what attention takes as keys and values, by its width.

The format is that of the AUTOMATIC1111 web UI. `app/nodes/hypernetwork.py` loads them.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch import device as Device

from app.inference.hooks.network import (
    Attend,
    NetworkCall,
    NetworkHooks,
    Place,
)
from app.inference.memory.devices import compute_dtype
from app.inference.models.building import build
from app.inference.models.detect import wrong_kind
from app.inference.models.errors import WeightsDoNotFit
from app.inference.models.files.model_file import ModelFile, open_model_file
from app.inference.models.weights import PatchedWeights

logger = logging.getLogger(__name__)

_ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "leakyrelu": nn.LeakyReLU,
    "elu": nn.ELU,
    "swish": nn.Hardswish,  # the name is the format's
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softsign": nn.Softsign,
    "mish": nn.Mish,
}
_TENSOR = re.compile(r"(\d+)\.([01])\.(.+)\.weight")  # width, 0 for keys and 1 for values, layer
_NUMBER = re.compile(r"\d+")


class HypernetworkModule(nn.ModuleDict):
    """By the width of an attention's keys, a network for its keys and one for its values."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Hypernetwork:
    """The networks of a file; none where their activation is not known."""

    weights: PatchedWeights[HypernetworkModule]

    def hooks(self, strength: float) -> NetworkHooks:
        """What adds `strength` times the networks' outputs to keys and values before their projections."""
        weights = self.weights

        def change(
            attend: Attend, query: Tensor, key: Tensor, value: Tensor, place: Place, call: NetworkCall
        ) -> Tensor:
            width = str(key.shape[-1])
            if width in weights.network:
                with weights.at_work():
                    for_key, for_value = weights.network[width].children()
                    key = key + strength * for_key(key.to(weights.dtype)).to(key)
                    value = value + strength * for_value(value.to(weights.dtype)).to(value)
            return attend(query, key, value)

        return NetworkHooks(around_attention=(change,))


def load_hypernetwork(path: Path, device: Device) -> Hypernetwork:
    """Load a hypernetwork from the tensors and options of a pickle's copy; raises a ModelFileError."""
    file = open_model_file(path)
    layers = _layers(file)
    if not layers:
        raise wrong_kind(file, "hypernetwork")
    for place, names in layers.items():
        _check_widths(file, int(place[0]), names)
    activation = _ACTIVATIONS.get(_option(file, "activation_func") or "linear")
    if activation is None:
        logger.warning("%s has an activation that is not known and changes nothing.", path.name)
        layers = {}
    plan = _Plan(
        layers=layers,
        activation=activation or nn.Identity,
        is_layer_norm=bool(_option(file, "is_layer_norm")),
        activate_output=bool(_option(file, "activate_output")),
    )
    weights = build(
        lambda: _module(file, plan),
        file,
        dict(_names(file, plan)),
        part="hypernetwork",
        device=device,
        dtype=compute_dtype(device),
    )
    return Hypernetwork(weights=weights)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Layers, in order, of each network (width, 0 for keys or 1 for values), and where activations stand.

    The last linear layer is not activated unless the file says so, or has norms.
    """

    layers: Mapping[tuple[str, str], list[str]]
    activation: type[nn.Module]
    is_layer_norm: bool
    activate_output: bool

    def parts(self, file: ModelFile, place: tuple[str, str]) -> list[str | None]:
        """The layers of a network by their names in the file, None for activations."""
        names = self.layers[place]
        linear = [name for name in names if _is_linear(file, name)]
        parts: list[str | None] = []
        for name in names:
            parts.append(name)
            if name in linear and (name != linear[-1] or self.activate_output or self.is_layer_norm):
                parts.append(None)
        return parts


def _layers(file: ModelFile) -> dict[tuple[str, str], list[str]]:
    layers: dict[tuple[str, str], list[str]] = {}
    for name in file.tensors:
        found = _TENSOR.fullmatch(name)
        if found and len(file.tensors[name].shape) in (1, 2):
            layers.setdefault((found[1], found[2]), []).append(name.removesuffix(".weight"))
    for names in layers.values():
        names.sort(key=lambda name: [int(each) for each in _NUMBER.findall(name)])
    return {place: layers[place] for place in layers if all((place[0], part) in layers for part in "01")}


def _check_widths(file: ModelFile, width: int, names: list[str]) -> None:
    """Raise WeightsDoNotFit unless each layer takes what the one before gives, and the last gives `width`."""
    given = width
    for name in names:
        shape = file.tensors[f"{name}.weight"].shape
        if shape[-1] != given:
            break
        given = shape[0]
    else:
        if given == width:
            return
    raise WeightsDoNotFit(
        file.path,
        f"has layers for keys of width {width} that do not take what the ones before give",
        "Choose another hypernetwork.",
    )


def _module(file: ModelFile, plan: _Plan) -> HypernetworkModule:
    widths = dict.fromkeys(width for width, _ in plan.layers)
    return HypernetworkModule(
        {
            width: nn.ModuleList(
                nn.Sequential(*(_layer(file, plan, name) for name in plan.parts(file, (width, part))))
                for part in "01"
            )
            for width in widths
        }
    )


def _layer(file: ModelFile, plan: _Plan, name: str | None) -> nn.Module:
    if name is None:
        return plan.activation()
    shape, bias = file.tensors[f"{name}.weight"].shape, f"{name}.bias" in file.tensors
    if _is_linear(file, name):
        return nn.Linear(shape[1], shape[0], bias=bias)
    return nn.LayerNorm(shape[0], bias=bias)


def _names(file: ModelFile, plan: _Plan) -> Iterator[tuple[str, str]]:
    """Names in the module with those in the file."""
    for width, part in plan.layers:
        for number, name in enumerate(plan.parts(file, (width, part))):
            for kind in ("weight", "bias"):
                if f"{name}.{kind}" in file.tensors:
                    yield f"{width}.{part}.{number}.{kind}", f"{name}.{kind}"


def _is_linear(file: ModelFile, name: str) -> bool:
    return len(file.tensors[f"{name}.weight"].shape) == 2


def _option(file: ModelFile, name: str) -> Any:
    """A plain value of the pickle, as its copy keeps it; None when it is not there."""
    text = file.metadata.get(name)
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
