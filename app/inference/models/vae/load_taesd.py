"""Loads tiny autoencoders from the files of their authors or of diffusers; VAE loaders and previews call."""

import re
from collections.abc import Callable
from pathlib import Path

from torch import device as Device
from torch import nn

from app.inference.memory.devices import compute_dtype
from app.inference.models.building import build
from app.inference.models.errors import WrongModelKind
from app.inference.models.files.model_file import ModelFile, open_model_file
from app.inference.models.vae.taesd import SCALES, TaesdCodec, TinyDecoder, make_decoder, make_encoder
from app.inference.models.weights import PatchedWeights

_STORED = re.compile(r"(?:(?:taesd_)?(encoder|decoder)\.(?:layers\.)?)?(\d+)\.(.+)")
_FIRST_LAYER = {"encoder": 0, "decoder": 1}  # that has weights; diffusers counts the decoder from there
_CHANNELS = {"encoder": ("14.weight", 0), "decoder": ("1.weight", 1)}  # tensor and axis that tell them
_MAKE: dict[str, Callable[[int], nn.Sequential]] = {"encoder": make_encoder, "decoder": make_decoder}


def load_taesd(name: str, encoder: Path, decoder: Path, device: Device) -> TaesdCodec:
    """Load a tiny autoencoder from its two files; `name` is one of `SCALES`.

    Raises WrongModelKind for other files, WeightsDoNotFit for incomplete ones.
    """
    encoding, _ = _load(encoder, "encoder", device)
    decoding, channels = _load(decoder, "decoder", device)
    return TaesdCodec(encoder=encoding, decoder=decoding, latent_channels=channels, stored=SCALES[name])


def load_tiny_decoder(path: Path, device: Device) -> TinyDecoder:
    """Load a decoder alone; raises as `load_taesd`."""
    weights, channels = _load(path, "decoder", device)
    return TinyDecoder(weights=weights, channels=channels)


def _load(path: Path, part: str, device: Device) -> tuple[PatchedWeights[nn.Sequential], int]:
    """The part's network and its latent channels."""
    file = open_model_file(path)
    names = _names(file, part)
    telling, axis = _CHANNELS[part]
    if telling not in names or len(file.tensors[names[telling]].shape) != 4:
        raise WrongModelKind(path, f"is no tiny {part}", "Put TAESD's file of that name in its place.")
    info = file.tensors[names[telling]]
    channels, dtype = info.shape[axis], compute_dtype(device)
    make = _MAKE[part]
    weights = build(lambda: make(channels), file, names, part=f"tiny {part}", device=device, dtype=dtype)
    return weights, channels


def _names(file: ModelFile, part: str) -> dict[str, str]:
    """The file's tensor names by the network's, whatever layer its numbers begin with."""
    found = [(match, name) for name in file.tensors if (match := _STORED.fullmatch(name))]
    chosen = [(int(match[2]), match[3], name) for match, name in found if match[1] in (None, part)]
    shift = _FIRST_LAYER[part] - min((index for index, _, _ in chosen), default=0)
    return {f"{index + shift}.{rest}": name for index, rest, name in chosen}
