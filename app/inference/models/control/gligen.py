"""GLIGEN: gated attention layers between those of a UNet, which see texts in boxes; Li et al. 2023."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch import device as Device
from torch.nn.functional import pad

from app.inference.conditioning.gligen import MOST_BOXES
from app.inference.errors import WrongInput
from app.inference.hooks.network import Place
from app.inference.memory.devices import compute_dtype
from app.inference.models.building import build
from app.inference.models.detect import unsupported, wrong_kind
from app.inference.models.errors import WeightsDoNotFit
from app.inference.models.files.model_file import ModelFile, open_model_file
from app.inference.models.unet.shape import HEAD_WIDTH, SD1_HEADS
from app.inference.models.weights import PatchedWeights
from app.inference.types import Tokens

SD1_TEXT_WIDTH = 768  # of the text encoder with whose models 8 heads are used, as in their UNets
POSITION_NET = "position_net."
_FUSER = re.compile(r"(input|middle|output)_blocks?\.(?:(\d+)\.)?1\.transformer_blocks\.(\d+)\.fuser\.")


class GligenDoesNotFit(WrongInput):
    """The GLIGEN layers were made for a model of other widths."""

    code = "gligen_does_not_fit"


@dataclass(frozen=True, kw_only=True, eq=False)
class Gligen:
    """The layers and the network that embeds boxes; implements `GligenModel`."""

    weights: PatchedWeights[nn.Module]
    text_width: int

    def objects(self, boxes: Tensor, texts: Tensor) -> Tensor:
        """See `GligenModel`; slots without a box get learned vectors. Raises GligenDoesNotFit."""
        if texts.shape[-1] != self.text_width:
            raise GligenDoesNotFit(
                f"The GLIGEN model takes texts of width {self.text_width}, not {texts.shape[-1]}: "
                "use one for the family of the text encoder."
            )
        free = MOST_BOXES - len(boxes)
        used = torch.cat([torch.ones(len(boxes)), torch.zeros(free)])
        given = (pad(boxes, (0, 0, 0, free)), used, pad(texts.cpu(), (0, 0, 0, free)))
        with self.weights.at_work():
            network: Any = self.weights.network
            return network.position_net(*(each[None].to(self._device, self._dtype) for each in given))

    def fused(self, tokens: Tokens, objects: Tensor, place: Place) -> Tokens:
        """See `GligenModel`. Raises GligenDoesNotFit."""
        network: Any = self.weights.network
        name = _layer_name(place.section, place.block, place.layer)
        if name not in network.fusers:
            return tokens
        fuser = network.fusers[name]
        if fuser.norm1.weight.numel() != tokens.shape[-1]:
            raise GligenDoesNotFit(
                "The GLIGEN model was made for a model of other widths: use one for the model's family."
            )
        with self.weights.at_work():
            seen = fuser(tokens.to(self._dtype), objects.expand(len(tokens), -1, -1))
        return seen.to(tokens.dtype)

    @property
    def _device(self) -> Device:
        return self.weights.device

    @property
    def _dtype(self) -> torch.dtype:
        return self.weights.dtype


def load_gligen(path: Path, device: Device) -> Gligen:
    """Load a GLIGEN model; raises a ModelFileError that says what is wrong."""
    file = open_model_file(path)
    names = _names(file)
    if not any(name.startswith("fusers.") for name in names):
        raise wrong_kind(file, "GLIGEN model")
    if f"{POSITION_NET}linears.0.weight" not in names:
        raise unsupported(file, "seems to be a GLIGEN model that grounds more than texts in boxes")
    weights = build(
        lambda: _network(file, names),
        file,
        names,
        part="GLIGEN model",
        device=device,
        dtype=compute_dtype(device),
    )
    return Gligen(weights=weights, text_width=_shape(file, names, f"{POSITION_NET}null_positive_feature")[0])


def _names(file: ModelFile) -> dict[str, str]:
    """The network's tensor names to the file's; what stands before them is of no meaning."""
    names: dict[str, str] = {}
    for stored in file.tensors:
        found = _FUSER.search(stored)
        if found:
            section, block, layer = found[1], int(found[2] or 0), int(found[3])
            names[f"fusers.{_layer_name(section, block, layer)}.{stored[found.end() :]}"] = stored
        elif POSITION_NET in stored:
            names[stored[stored.index(POSITION_NET) :]] = stored
    return names


def _network(file: ModelFile, names: dict[str, str]) -> nn.Module:
    from diffusers.models.attention import GatedSelfAttentionDense
    from diffusers.models.embeddings import GLIGENTextBoundingboxProjection

    network = nn.Module()
    text_width = _shape(file, names, f"{POSITION_NET}null_positive_feature")[0]
    network.position_net = GLIGENTextBoundingboxProjection(
        positive_len=text_width,
        out_dim=_shape(file, names, f"{POSITION_NET}linears.4.weight")[0],
        fourier_freqs=_shape(file, names, f"{POSITION_NET}null_position_feature")[0] // 8,
    )
    network.fusers = nn.ModuleDict()
    for name in [each for each in names if each.endswith(".linear.weight")]:
        width, context = _shape(file, names, name)
        heads = SD1_HEADS if context == SD1_TEXT_WIDTH else max(1, width // HEAD_WIDTH)
        network.fusers[name.split(".")[1]] = GatedSelfAttentionDense(width, context, heads, width // heads)
    return network


def _shape(file: ModelFile, names: dict[str, str], name: str) -> tuple[int, ...]:
    if name not in names:
        raise WeightsDoNotFit(
            file.path, f"lacks {name} in its GLIGEN model", "It may be an incomplete export."
        )
    return file.tensors[names[name]].shape


def _layer_name(section: str, block: int, layer: int) -> str:
    return f"{section}_{block}_{layer}"
