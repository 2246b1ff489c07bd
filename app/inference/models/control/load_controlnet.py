"""Loads control nets of every kind and layout; loader nodes call it through the ModelStore."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor
from torch import device as Device

from app.inference.conditioning.control import ControlNet
from app.inference.memory.devices import compute_dtype
from app.inference.models import detect
from app.inference.models.building import build
from app.inference.models.control import control_lora
from app.inference.models.control.control_names import renamed
from app.inference.models.control.controlnet import ControlEncoder, UNetControlNet
from app.inference.models.control.controlnet_shape import HINT, controlnet_config, controlnet_shape
from app.inference.models.control.t2i_adapter import is_t2i_adapter, load_t2i_adapter
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.errors import WeightsDoNotFit, WrongModelKind
from app.inference.models.files.model_file import ModelFile, open_model_file
from app.inference.models.unet.shape import unet_levels
from app.inference.models.weights import PatchedWeights

DIFFERENCE = "difference"  # marks a net that holds differences to the model it was trained on
AVERAGING_ENDS = ("_shuffle", "_shuffle_fp16")  # of file names; nothing in such a file tells

_PREFIXES = ("control_model.", "")
_ORIGINAL_MARKERS = ("zero_convs.0.0.weight", "input_hint_block.0.weight")
_OTHER_NETS: tuple[tuple[str, str], ...] = (
    ("task_embedding", "a ControlNet for many types of pictures (union)"),
    ("control_add_embedding.", "a ControlNet for many types of pictures (union)"),
    ("controlnet_blocks.", "a ControlNet of Stable Diffusion 3 or Flux"),
    ("double_blocks.", "a ControlNet of Flux"),
    ("projections.", "a ControlNet of Stable Cascade"),
)
"""Beginnings of tensor names that other nets have, and what they are."""


def load_controlnet(path: Path, device: Device) -> ControlNet:
    """Load a ControlNet, Control-LoRA or T2I-Adapter; raises a ModelFileError that says what is wrong."""
    file = open_model_file(path)
    if DIFFERENCE in file.tensors:
        raise WrongModelKind(
            path,
            "holds the difference of a ControlNet to a model, which alone is no net",
            "Load it with Load ControlNet Model (diff), connected to the model it was trained on.",
        )
    return _load(file, device, None)


def load_difference_controlnet(path: Path, device: Device, model: DiffusionModel) -> ControlNet:
    """Load a control net whose file may hold differences: `model`'s weights are added to those then."""
    file = open_model_file(path)
    return _load(file, device, model if DIFFERENCE in file.tensors else None)


def _load(file: ModelFile, device: Device, base: DiffusionModel | None) -> ControlNet:
    tensors = file.tensors
    for beginning, what in _OTHER_NETS:
        if any(name.startswith(beginning) for name in tensors):
            raise detect.unsupported(file, f"seems to be {what}")
    if control_lora.MARKER in tensors:
        return control_lora.load_control_lora(file)
    if f"{HINT}.conv_in.weight" in tensors:
        return _load_net(file, {name: name for name in tensors}, device, base)
    for prefix in _PREFIXES:
        if all(prefix + marker in tensors for marker in _ORIGINAL_MARKERS):
            return _load_net(file, _original_names(file, prefix), device, base)
    if is_t2i_adapter(tensors):
        return load_t2i_adapter(file, device)
    raise detect.wrong_kind(file, "ControlNet")


def _original_names(file: ModelFile, prefix: str) -> Mapping[str, str]:
    stored = {name.removeprefix(prefix): name for name in file.tensors if name.startswith(prefix)}
    return renamed(stored, unet_levels(file, prefix))


def _load_net(
    file: ModelFile, names: Mapping[str, str], device: Device, base: DiffusionModel | None
) -> UNetControlNet:
    from diffusers.models.controlnets.controlnet import ControlNetModel

    shape = controlnet_shape(file, names)
    config = controlnet_config(shape)
    dtype = compute_dtype(device)
    weights = build(
        lambda: ControlNetModel(**config), file, names, part="ControlNet", device=device, dtype=dtype
    )
    net = UNetControlNet(
        weights=weights,
        encoder=ControlEncoder(weights.network, shape, device, dtype),
        averages=file.path.stem.endswith(AVERAGING_ENDS),
    )
    return net if base is None else replace(net, patches=(_OfModel(file.path, weights, base),))


class _OfModel:
    """Adds a model's weights of the same names, its patches included; implements `WeightPatch`."""

    def __init__(self, path: Path, net: PatchedWeights[Any], base: DiffusionModel) -> None:
        self._base = base
        self.identity: Hashable = self
        self.names = frozenset(net.names) & frozenset(base.network.weights.names)
        shapes = net.network.state_dict(), base.network.network.state_dict()
        for name in sorted(self.names):
            if shapes[0][name].shape != shapes[1][name].shape:
                raise WeightsDoNotFit(
                    path,
                    f"holds differences to another model ({name} has other sizes)",
                    "Connect the model it was trained on.",
                )

    def apply(self, name: str, weight: Tensor) -> Tensor:
        """See `WeightPatch`."""
        base = self._base.network.weights.value(name, self._base.patches)
        return weight.add_(base.to(weight.device))
