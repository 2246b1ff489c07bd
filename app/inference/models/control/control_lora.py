"""Control-LoRAs: ControlNets that are the sampled model's own weights plus a difference of low rank.

Stability AI 2023. The network is put together when a run starts and shares what it does not change.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from app.inference.conditioning.control import ControlDoesNotFit, ControlQuestion
from app.inference.models.control.control_names import control_modules
from app.inference.models.control.controlnet import ControlEncoder
from app.inference.models.control.controlnet_shape import ControlNetShape, controlnet_config
from app.inference.models.errors import WeightsDoNotFit
from app.inference.models.files.ldm_names import rename
from app.inference.models.files.model_file import ModelFile
from app.inference.models.unet.residuals import Residuals
from app.inference.models.unet.walk import UNet
from app.inference.pictures.images import Image

MARKER = "lora_controlnet"
UP, DOWN = ".up", ".down"
_HINT_STEPS = tuple(f"input_hint_block.{number}.weight" for number in (0, 4, 8, 12))  # each halves the size


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlLora:
    """A Control-LoRA as a CONTROL_NET socket carries it; implements `ControlNet`.

    `whole` are tensors in place of the model's, `factors` (up, down) what is added to its layers' weights,
    both by original names. `hint_channels` and `hint_widths` as in `ControlNetShape`.
    """

    whole: Mapping[str, Tensor]
    factors: Mapping[str, tuple[Tensor, Tensor]]
    hint_channels: int
    hint_widths: tuple[int, ...]
    takes_mask: bool = False

    def with_types(self, types: tuple[int, ...]) -> "ControlLora":
        """The net knows one type of picture only."""
        return self

    def prepared(self, picture: Image, question: ControlQuestion) -> tuple[ControlEncoder, Tensor]:
        """The network for this run, and the features of the picture."""
        memory = question.call.memory
        if self not in memory:
            memory[self] = self._encoder(question.unet)
        encoder: ControlEncoder = memory[self]
        return encoder, encoder.features(picture, question)

    def residuals(self, prepared: tuple[ControlEncoder, Tensor], question: ControlQuestion) -> Residuals:
        """See `ControlNet`."""
        encoder, features = prepared
        return encoder(features, question)

    def _encoder(self, unet: UNet) -> ControlEncoder:
        from diffusers.models.controlnets.controlnet import ControlNetModel

        shape = ControlNetShape(
            unet=unet.shape, hint_channels=self.hint_channels, hint_widths=self.hint_widths
        )
        with torch.device("meta"):
            network = ControlNetModel(**controlnet_config(shape))
        parameters = self._parameters(unet)
        for name, empty in list(network.named_parameters()):
            made = parameters.get(name)
            if made is None or made.numel() != empty.numel():
                raise ControlDoesNotFit(
                    "The Control-LoRA was made for another model than the one that samples "
                    f"({name} does not fit): use it with the family it was made for."
                )
            layer, _, own = name.rpartition(".")
            if made.shape != empty.shape or made.device != unet.device:
                made = _parameter(made.reshape(empty.shape), unet)
            network.get_submodule(layer).register_parameter(own, made)
        return ControlEncoder(network.eval(), shape, unet.device, unet.dtype)

    def _parameters(self, unet: UNet) -> dict[str | None, nn.Parameter]:
        """The model's own parameters, changed where this file says so, by diffusers' names."""
        modules = control_modules(unet.shape.levels)
        parameters: dict[str | None, nn.Parameter] = dict(unet.network.named_parameters())
        for layer, (up, down) in self.factors.items():
            name = rename(f"{layer}.weight", modules)
            if name in parameters:
                weight = parameters[name].float()
                change = up.to(weight).flatten(1) @ down.to(weight).flatten(1)
                parameters[name] = _parameter(weight + change.reshape(weight.shape), unet)
        for stored, tensor in self.whole.items():
            parameters[rename(stored, modules)] = _parameter(tensor, unet)
        return parameters


def load_control_lora(file: ModelFile) -> ControlLora:
    """Load a Control-LoRA; raises WeightsDoNotFit."""
    missing = [name for name in _HINT_STEPS if name not in file.tensors]
    if missing:
        raise WeightsDoNotFit(
            file.path, f"lacks {missing[0]} of its Control-LoRA", "It may be an incomplete export."
        )
    tensors = dict(file.read([name for name in file.tensors if name != MARKER]))
    layers = [name.removesuffix(UP) for name in tensors if name.endswith(UP)]
    factors = {layer: (tensors.pop(layer + UP), tensors.pop(layer + DOWN)) for layer in layers}
    hint = [file.tensors[name].shape for name in _HINT_STEPS]
    return ControlLora(
        whole=tensors,
        factors=factors,
        hint_channels=hint[0][1],
        hint_widths=tuple(each[0] for each in hint),
    )


def _parameter(tensor: Tensor, unet: UNet) -> nn.Parameter:
    return nn.Parameter(tensor.to(unet.device, unet.dtype), requires_grad=False)
