"""The tensors of models as the original code's files name and shape them; saving nodes write them.

The inverse of what the loaders read, so that other programs load the files as well.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.errors import PartMissing
from app.inference.models.files.ldm_names import original_vae_name
from app.inference.models.files.model_writer import TensorToWrite
from app.inference.models.files.stored import Stored
from app.inference.models.text_encoder import TextEncoder
from app.inference.models.text_tower import ClipTextNetwork, open_clip_names
from app.inference.models.vae.kl_codec import KlCodec
from app.inference.models.vae.vae import Vae
from app.inference.models.weights import PatchedWeights
from app.inference.weight_patch import WeightPatch

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
_TEXT_PLACES: Mapping[tuple[str, ...], Mapping[str, str]] = {
    ("l",): {"l": "cond_stage_model.transformer."},
    ("h",): {"h": "cond_stage_model.model."},
    ("g",): {"g": "conditioner.embedders.0.model."},
    ("l", "g"): {"l": "conditioner.embedders.0.transformer.", "g": "conditioner.embedders.1.model."},
}
"""By the kinds of a model's text networks: what stands before the names of each in a checkpoint."""


def unet_tensors(model: DiffusionModel) -> dict[str, TensorToWrite]:
    """The diffusion model with its patches worked in."""
    unet = model.network
    return {
        UNET_PREFIX + original: _tensor(
            unet.weights, name, model.patches, rounded_as=f"diffusion_model.{original}"
        )
        for name, original in unet.original_names.items()
    }


def vae_tensors(vae: Vae, prefix: str = VAE_PREFIX) -> dict[str, TensorToWrite]:
    """The VAE; PartMissing when it is none that has such a layout."""
    codec = vae.codec
    if not isinstance(codec, KlCodec):
        raise PartMissing("This VAE cannot be saved: it is no Stable Diffusion VAE. Connect another one.")
    levels = len(codec.shape.widths)
    tensors: dict[str, TensorToWrite] = {}
    for name in codec.weights.names:
        original = original_vae_name(name, levels)
        is_attention = ".mid.attn_1." in original and name.endswith(".weight") and ".norm." not in original
        tensors[prefix + original] = _tensor(codec.weights, name, (), as_convolution=is_attention)
    return tensors


def text_tensors(text: TextEncoder) -> dict[str, TensorToWrite]:
    """All text networks as a checkpoint of their family holds them."""
    networks = text.networks
    places = _TEXT_PLACES.get(tuple(networks))
    if places is None:
        raise PartMissing(
            f"No checkpoint holds the text encoders {', '.join(networks)} together: "
            "connect those of one Stable Diffusion model."
        )
    tensors: dict[str, TensorToWrite] = {}
    for kind, network in networks.items():
        named = transformers_tensors(network) if kind == "l" else _open_clip_tensors(network)
        tensors.update({places[kind] + name: tensor for name, tensor in named.items()})
    return tensors


def transformers_tensors(network: ClipTextNetwork) -> dict[str, TensorToWrite]:
    """A text network in transformers' layout, as files of their own have it."""
    return {name: _tensor(network.weights, name, network.patches) for name in network.weights.names}


def _open_clip_tensors(network: ClipTextNetwork) -> dict[str, TensorToWrite]:
    """A text network in open_clip's layout, where queries, keys and values are one tensor."""
    sources: dict[str, list[tuple[Stored, str]]] = {}
    names = dict(open_clip_names("", network.shape.layers))
    names["text_projection.weight"] = Stored("text_projection", transposed=True)
    for name, stored in names.items():
        if name in network.weights.names:
            sources.setdefault(stored.name, []).append((stored, name))
    return {original: _joined(network, parts) for original, parts in sources.items()}


def _joined(network: ClipTextNetwork, parts: Sequence[tuple[Stored, str]]) -> TensorToWrite:
    """One tensor of open_clip from those of the network that are parts of it."""
    tensors = [_tensor(network.weights, name, network.patches) for _, name in parts]
    if parts[0][0].transposed:
        (whole,) = tensors
        return TensorToWrite(shape=whole.shape[::-1], dtype=whole.dtype, make=lambda: whole.make().T)
    rows = sum(each.shape[0] for each in tensors)
    return TensorToWrite(
        shape=(rows, *tensors[0].shape[1:]),
        dtype=tensors[0].dtype,
        make=lambda: torch.cat([each.make() for each in tensors]),
    )


def _tensor(
    weights: PatchedWeights[Any],
    name: str,
    patches: Sequence[WeightPatch],
    *,
    as_convolution: bool = False,
    rounded_as: str | None = None,
) -> TensorToWrite:
    kernel = (1, 1) if as_convolution else ()
    shape = (*weights.original(name).shape, *kernel)
    acting = [each for each in patches if name in each.names]
    make = partial(_made, weights, name, acting, shape, rounded_as)
    return TensorToWrite(shape=shape, dtype=weights.written_dtype(name), make=make)


def _made(
    weights: PatchedWeights[Any],
    name: str,
    patches: Sequence[WeightPatch],
    shape: tuple[int, ...],
    rounded_as: str | None,
) -> Tensor:
    return weights.written(name, patches, rounded_as=rounded_as).reshape(shape)
