"""Saves the recorded tiny models as diffusers and transformers save theirs; tests of loaders use them."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from tests.golden_models import family_weights

CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
_SD: dict[str, Any] = {
    "down_block_types": (CROSS_DOWN, CROSS_DOWN, CROSS_DOWN, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", CROSS_UP, CROSS_UP, CROSS_UP),
    "cross_attention_dim": 128,
}
UNETS: dict[str, dict[str, Any]] = {
    "sd1": {**_SD, "block_out_channels": (32, 64, 128, 128), "attention_head_dim": 8},
    "sd2_v": {
        **_SD,
        "block_out_channels": (64, 128, 128, 128),
        "attention_head_dim": (1, 2, 2, 2),
        "use_linear_projection": True,
    },
    "sdxl": {
        "block_out_channels": (64, 128, 128),
        "down_block_types": ("DownBlock2D", CROSS_DOWN, CROSS_DOWN),
        "up_block_types": (CROSS_UP, CROSS_UP, "UpBlock2D"),
        "cross_attention_dim": 320,
        "transformer_layers_per_block": (1, 1, 2),
        "attention_head_dim": (1, 2, 2),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 1728,
    },
}
VAE: dict[str, Any] = {
    "block_out_channels": (32, 64, 128, 128),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}
TEXTS: dict[str, dict[str, int]] = {
    "sd1": {"text_encoder": 128},
    "sdxl": {"text_encoder": 128, "text_encoder_2": 192},
}


def save_diffusers_folder(family: str, folder: Path, salt: str = "") -> Path:
    """The UNet, VAE and text encoders of a recorded family below `folder`."""
    weights = family_weights(family, salt)
    unet: dict[str, Any] = {"layers_per_block": 2, "transformer_layers_per_block": 1, **UNETS[family]}
    class_type = {"class_embed_type": None, "num_class_embeds": None, "addition_embed_type": None}
    parts: dict[str, tuple[Any, dict[str, Tensor]]] = {
        "unet": (
            UNet2DConditionModel(**unet),
            convert_ldm_unet_checkpoint(dict(weights), {**class_type, **unet}),
        ),
        "vae": (AutoencoderKL(**VAE), convert_ldm_vae_checkpoint(dict(weights), VAE)),
        **{name: _text(name, family, width, weights) for name, width in TEXTS.get(family, {}).items()},
    }
    for name, (network, tensors) in parts.items():
        network.load_state_dict(tensors, strict=True)
        with contextlib.redirect_stderr(io.StringIO()):  # a progress bar
            network.save_pretrained(folder / name)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    return folder


def _text(name: str, family: str, width: int, weights: dict[str, Tensor]) -> tuple[Any, dict[str, Tensor]]:
    config = CLIPTextConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_attention_heads=width // 64,
        num_hidden_layers=_layers(name, weights),
        projection_dim=width,
    )
    if name == "text_encoder_2":
        network = CLIPTextModelWithProjection(config)
        return network, convert_open_clip_checkpoint(network, dict(weights), "conditioner.embedders.1.model.")
    prefix = {"sd1": "cond_stage_model.transformer.", "sdxl": "conditioner.embedders.0.transformer."}[family]
    prefix += "text_model."
    tensors = {key.removeprefix(prefix): each for key, each in weights.items() if key.startswith(prefix)}
    return CLIPTextModel(config), tensors


def _layers(name: str, weights: dict[str, Tensor]) -> int:
    end = "ln_1.weight" if name == "text_encoder_2" else "layer_norm1.weight"
    return sum(key.endswith(end) for key in weights)
