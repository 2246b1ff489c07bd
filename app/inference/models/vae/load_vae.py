"""Loads the VAE of a checkpoint or of a file of its own by its tensors; `checkpoint.py` calls it."""

import re
from typing import Any

from torch import device as Device

from app.inference.memory.devices import vae_dtype
from app.inference.models.building import build
from app.inference.models.detect import Tensors
from app.inference.models.errors import FamilyNotSupported, WeightsDoNotFit
from app.inference.models.files.ldm_names import vae_name
from app.inference.models.files.model_file import ModelFile
from app.inference.models.vae.kl_codec import KlCodec, VaeShape
from app.inference.models.vae.vae import Vae

LATENT_CHANNELS = 4
_LEVEL = re.compile(r"(?:encoder\.down|encoder\.down_blocks)\.(\d+)\.")


def load_supported_vae(file: ModelFile, prefix: str, device: Device) -> Vae:
    """Load a VAE for the families of diffusion models that run; raises FamilyNotSupported for others."""
    mouth = file.tensors.get(f"{prefix}decoder.conv_in.weight")
    if mouth is not None and len(mouth.shape) == 4 and mouth.shape[1] != LATENT_CHANNELS:
        raise FamilyNotSupported(
            file.path,
            f"holds a VAE of {mouth.shape[1]} channels, as of Stable Diffusion 3 and Flux, which cannot be "
            "run yet",
            "Choose the VAE of Stable Diffusion 1, 2 or XL.",
        )
    return load_vae(file, prefix, device)


def load_vae(file: ModelFile, prefix: str, device: Device) -> Vae:
    """Load the VAE that stands under `prefix`; raises WeightsDoNotFit or FamilyNotSupported."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    names = _names(file.tensors, prefix)
    shape = vae_shape(file, names)
    dtype = vae_dtype(device)
    config = diffusers_config(shape)
    weights = build(lambda: AutoencoderKL(**config), file, names, part="VAE", device=device, dtype=dtype)
    return Vae(codec=KlCodec(weights=weights, shape=shape, device=device, dtype=dtype))


def diffusers_config(shape: VaeShape) -> dict[str, Any]:
    """Arguments of `AutoencoderKL` for a VAE of this shape."""
    levels = len(shape.widths)
    return {
        "block_out_channels": shape.widths,
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "layers_per_block": shape.blocks,
        "latent_channels": shape.latent_channels,
        "norm_num_groups": 32,
        "use_quant_conv": shape.quant_convs,
        "use_post_quant_conv": shape.quant_convs,
    }


def vae_shape(file: ModelFile, names: dict[str, str]) -> VaeShape:
    """Read a VAE's shape off its tensors; `names` maps diffusers' names to the file's."""

    def sizes(name: str) -> tuple[int, ...]:
        if name not in names:
            raise WeightsDoNotFit(file.path, f"lacks {name} in its VAE", "Choose another file.")
        return tuple(file.tensors[names[name]].shape)

    levels = _count(names, "encoder.down_blocks.{}.resnets.0.conv2.weight")
    if len(sizes("decoder.conv_in.weight")) != 4:
        raise FamilyNotSupported(
            file.path, "holds a VAE for video, which cannot be run yet", "Choose another."
        )
    return VaeShape(
        widths=tuple(
            sizes(f"encoder.down_blocks.{level}.resnets.0.conv2.weight")[0] for level in range(levels)
        ),
        blocks=_count(names, "encoder.down_blocks.0.resnets.{}.conv2.weight"),
        latent_channels=sizes("decoder.conv_in.weight")[1],
        quant_convs="quant_conv.weight" in names,
    )


def _names(tensors: Tensors, prefix: str) -> dict[str, str]:
    stored = [name.removeprefix(prefix) for name in tensors if name.startswith(prefix)]
    numbers = [int(found[1]) for name in stored if (found := _LEVEL.match(name))]
    levels = max(numbers, default=0) + 1
    return {vae_name(name, levels): prefix + name for name in stored}


def _count(names: dict[str, str], pattern: str) -> int:
    number = 0
    while pattern.format(number) in names:
        number += 1
    return number
