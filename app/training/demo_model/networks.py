"""Makes the demo model's untrained networks, in the widths it ships with; training and export use it."""

from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel

from app.inference.models.files.ldm_names import UNetLevel

TEXT_WIDTH, TEXT_LAYERS, TEXT_POSITIONS = 128, 2, 77
UNET_WIDTH = 64  # 32 groups on 32 channels would be instance normalisation and lose the mean colour
UNET_LEVELS = (
    UNetLevel(channels=UNET_WIDTH, blocks=1, depth=1),
    UNetLevel(channels=UNET_WIDTH * 2, blocks=1, depth=0),
)
UNET_HEADS = 8
VAE_WIDTH, VAE_LEVELS = 64, 4
SCALE = 0.18215  # stored latents of Stable Diffusion 1 are the UNet's latents divided by this
_QUIET = 0.2  # of the last layers of residual branches in the VAE: starts near the identity
_WORD_STD = 0.3


def make_text_network(words: int) -> CLIPTextModel:
    """CLIP text transformer over a compact table of `words` tokens; heads = width / 64."""
    config = CLIPTextConfig(
        vocab_size=words,
        hidden_size=TEXT_WIDTH,
        intermediate_size=TEXT_WIDTH * 4,
        num_hidden_layers=TEXT_LAYERS,
        num_attention_heads=TEXT_WIDTH // 64,
        max_position_embeddings=TEXT_POSITIONS,
        hidden_act="quick_gelu",
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    network = CLIPTextModel(config)
    nn.init.normal_(network.embeddings.token_embedding.weight, std=_WORD_STD)
    return network


def text_states(network: CLIPTextModel, ids: Tensor) -> Tensor:
    """Last states [N, T, width] after the final normalisation, of compact ids int64 [N, T]."""
    hidden = network.embeddings(input_ids=ids)
    for layer in network.encoder.layers:
        hidden = layer(hidden, None, is_causal=True)
    return network.final_layer_norm(hidden)


def make_unet() -> UNet2DConditionModel:
    """UNet of two levels with cross-attention at the outer level and in the middle; 8 heads everywhere."""
    return UNet2DConditionModel(
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=tuple(level.channels for level in UNET_LEVELS),
        layers_per_block=UNET_LEVELS[0].blocks,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=UNET_HEADS,  # diffusers takes this as the number of heads
        norm_num_groups=32,
    )


def make_vae() -> AutoencoderKL:
    """VAE with an initialisation that lets short trainings succeed."""
    per_level: dict[str, Any] = {  # Any: diffusers declares these as having one entry
        "down_block_types": ("DownEncoderBlock2D",) * VAE_LEVELS,
        "up_block_types": ("UpDecoderBlock2D",) * VAE_LEVELS,
        "block_out_channels": (VAE_WIDTH,) * VAE_LEVELS,
    }
    vae = AutoencoderKL(
        **per_level,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=32,
        scaling_factor=SCALE,
    )
    with torch.no_grad():
        for name, module in vae.named_modules():
            _initialise(name, module)
        if vae.quant_conv is not None and vae.quant_conv.bias is not None:
            vae.quant_conv.bias[4:] = -6  # log variance
    return vae


def _initialise(name: str, module: nn.Module) -> None:
    if not isinstance(module, nn.Conv2d | nn.Linear):
        return
    if name.endswith((".conv2", ".to_out.0")):
        module.weight.mul_(_QUIET)
    elif name.endswith("downsamplers.0.conv"):
        module.weight.mul_(0.3)
        _add_identity(module.weight, slice(0, 2), 0.25)  # the mean of 2x2 pixels
    elif name.endswith("upsamplers.0.conv"):
        module.weight.mul_(0.3)
        _add_identity(module.weight, slice(1, 2), 1.0)
    elif name.endswith("conv_in") and module.bias is not None:
        nn.init.normal_(module.bias)


def _add_identity(weight: Tensor, taps: slice, value: float) -> None:
    for channel in range(weight.shape[0]):
        weight[channel, channel, taps, taps] += value
