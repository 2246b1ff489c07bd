"""Writes the files of a random tiny autoencoder in the layouts that people have; for tests of loading."""

from pathlib import Path

import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from safetensors.torch import save_file


def tiny_autoencoder(channels: int = 4) -> AutoencoderTiny:
    """A tiny autoencoder as diffusers makes it, with weights that are always the same."""
    torch.manual_seed(0)
    return AutoencoderTiny(latent_channels=channels).eval().requires_grad_(False)


def save_tiny_vae(folder: Path, name: str, network: AutoencoderTiny, layout: str = "authors") -> None:
    """Write `<name>_encoder` and `<name>_decoder`; `layout`: authors, prefixed, or diffusers."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("encoder", "decoder"):
        tensors = {
            _stored(key, layout): tensor for key, tensor in network.state_dict().items() if part in key
        }
        save_file(tensors, folder / f"{name}_{part}.safetensors")


def _stored(key: str, layout: str) -> str:
    part, _, index, rest = key.split(".", 3)
    if layout == "diffusers":
        return key
    number = int(index) + (1 if part == "decoder" else 0)  # their decoder begins with a layer without weights
    return f"taesd_{part}.{number}.{rest}" if layout == "prefixed" else f"{number}.{rest}"
