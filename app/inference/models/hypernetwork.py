"""Hypernetworks: small networks that change what attention takes as keys and values, by its width.

The format is that of the AUTOMATIC1111 web UI. `app/nodes/hypernetwork.py` loads them.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch import device as Device

from app.inference.hooks import Attend, NetworkCall, NetworkHooks, Place

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Hypernetwork:
    """For each width of an attention's keys, a network for its keys and one for its values."""

    by_width: Mapping[int, nn.ModuleList]

    def hooks(self, strength: float) -> NetworkHooks:
        """What adds `strength` times the networks' outputs to keys and values before their projections."""

        def change(
            attend: Attend, query: Tensor, key: Tensor, value: Tensor, place: Place, call: NetworkCall
        ) -> Tensor:
            networks = self.by_width.get(key.shape[-1])
            if networks is not None:
                for_key, for_value = networks
                key, value = key + strength * for_key(key), value + strength * for_value(value)
            return attend(query, key, value)

        return NetworkHooks(around_attention=(change,))


def hypernetwork(document: Mapping[Any, Any], device: Device, dtype: torch.dtype) -> Hypernetwork | None:
    """The hypernetwork that a file's document describes; None when its activation is not known.

    Integer keys are widths, each with a dict of layers for keys and one for values; the rest are options.
    """
    activation = _ACTIVATIONS.get(document.get("activation_func") or "linear")
    if activation is None:
        logger.warning("The hypernetwork uses %r, which is not known.", document["activation_func"])
        return None
    options = {name: bool(document.get(name, False)) for name in ("is_layer_norm", "activate_output")}
    return Hypernetwork(
        by_width={
            width: nn.ModuleList([_network(layers, activation, **options) for layers in pair[:2]])
            .to(device, dtype)
            .requires_grad_(False)
            for width, pair in document.items()
            if isinstance(width, int)
        }
    )


def _network(
    layers: Mapping[str, Tensor], activation: type[nn.Module], *, is_layer_norm: bool, activate_output: bool
) -> nn.Sequential:
    """Linear layers with the activation behind each, in the file's order, and norms where the file has them.

    The last layer is not activated unless the file says so, or has norms.
    """
    names = [name.removesuffix(".weight") for name in layers if name.endswith(".weight")]
    linear = [name for name in names if layers[f"{name}.weight"].dim() == 2]
    parts: list[nn.Module] = []
    for name in names:
        weight, bias = layers[f"{name}.weight"], layers[f"{name}.bias"]
        part = nn.Linear(weight.shape[1], weight.shape[0]) if name in linear else nn.LayerNorm(len(weight))
        part.load_state_dict({"weight": weight, "bias": bias})
        parts.append(part)
        if name in linear and (name != linear[-1] or activate_output or is_layer_norm):
            parts.append(activation())
    return nn.Sequential(*parts)
