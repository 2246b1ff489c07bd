"""Writes trained networks as one checkpoint in the layout of Stable Diffusion 1; `__main__.py` calls it."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from app.inference.models.files.ldm_names import original_vae_name, rename, unet_modules
from app.inference.text.tokenizer import VOCABULARY_SIZE, encode_words
from app.training.demo_model.latents import DefinedLatents
from app.training.demo_model.networks import SCALE, TEXT_WIDTH, UNET_LEVELS, VAE_LEVELS
from app.training.demo_model.training_loop import averaged_weights
from app.training.demo_model.words import POSITIONS, used_tokens

FILE_NAME = "comfy-creator-demo.safetensors"
UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
TEXT_PREFIX = "cond_stage_model.transformer.text_model."
SYNONYMS = {
    "big": "large",
    "huge": "large",
    "tiny": "small",
    "little": "small",
    "centre": "center",
    "middle": "center",
    "upper": "top",
    "lower": "bottom",
    "violet": "purple",
    "backdrop": "background",
}
"""Words that were not trained and get the vector of one that was."""


def export_checkpoint(unet_file: Path, vae_file: Path, target: Path) -> Path:
    """Write the checkpoint from the trainings' files, whatever they have reached; returns `target`."""
    both, vae = averaged_weights(unet_file), averaged_weights(vae_file)
    tensors = {
        **_unet_tensors(_part(both, "unet.")),
        **_vae_tensors(_with_scale(vae)),
        **_text_tensors(_part(both, "text.")),
    }
    half = {name: _stored(tensor) for name, tensor in tensors.items()}
    metadata = {
        "cc.latent_rgb": json.dumps(DefinedLatents().preview_colours()),
        "modelspec.title": "Comfy Creator demo model",
        "modelspec.license": "MIT",
        "format": "pt",
    }
    save_file(half, target, metadata=metadata)
    return target


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def _stored(tensor: Tensor) -> Tensor:
    return (tensor.half() if tensor.is_floating_point() else tensor).contiguous()


def _unet_tensors(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    modules = {ours: theirs for theirs, ours in unet_modules(UNET_LEVELS).items()}
    named = {}
    for name, tensor in weights.items():
        stored = rename(name, modules)
        if stored is None:
            raise AssertionError(f"{name} has no name in Stable Diffusion 1 files.")
        named[UNET_PREFIX + stored] = tensor
    return named


def _vae_tensors(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    named = {}
    for name, tensor in weights.items():
        stored = original_vae_name(name, VAE_LEVELS)
        is_linear = ".attn_1." in stored and tensor.ndim == 2
        named[VAE_PREFIX + stored] = tensor[:, :, None, None] if is_linear else tensor
    return named


def _with_scale(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Stored latents are the UNet's divided by 0.18215: the convolutions next to them take that up."""
    scaled = dict(weights)
    for name in ("quant_conv.weight", "quant_conv.bias"):
        mean, log_variance = scaled[name].chunk(2)
        if name.endswith("bias"):
            log_variance = log_variance - 2 * math.log(SCALE)
        scaled[name] = torch.cat([mean / SCALE, log_variance])
    scaled["post_quant_conv.weight"] = scaled["post_quant_conv.weight"] * SCALE
    return scaled


def _text_tensors(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trained rows stand at CLIP's own numbers in the full table; words without a meaning are zero."""
    named = {TEXT_PREFIX + name: tensor for name, tensor in weights.items()}
    trained = weights["embeddings.token_embedding.weight"]
    table = torch.zeros(VOCABULARY_SIZE, TEXT_WIDTH)
    table[torch.tensor(used_tokens())] = trained
    for word, meaning in SYNONYMS.items():
        (token,), (known,) = encode_words(word), encode_words(meaning)
        table[token] = table[known]
    named[f"{TEXT_PREFIX}embeddings.token_embedding.weight"] = table
    named[f"{TEXT_PREFIX}embeddings.position_ids"] = torch.arange(POSITIONS)[None]
    return named
