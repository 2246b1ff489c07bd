"""Our loading against diffusers' and transformers' own: same file, same numbers."""

from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel

from app.inference.denoiser import Feed
from app.inference.hooks.network import NO_NETWORK_HOOKS
from app.inference.models.checkpoint import Checkpoint, load_checkpoint
from app.inference.text.tokenizer import BOS, EOS
from tests.checkpoints import Tiny, save_tiny, tiny_weights
from tests.unit.inference.toy_model import one_call

SIZES = Tiny(
    channels=32,
    mult=(1, 2, 4),
    blocks=2,
    attention=(True, True, False),
    text_width=128,
    vae_mult=(1, 2, 4, 4),
    vae_blocks=2,
)
CPU = torch.device("cpu")
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return tiny_weights(SIZES)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return load_checkpoint(save_tiny(tmp_path_factory.mktemp("models") / "tiny.safetensors", SIZES), CPU)


@torch.no_grad()
def test_unet_equals_the_one_that_diffusers_makes_of_the_file(
    ours: Checkpoint, weights: dict[str, Tensor]
) -> None:
    config: dict[str, Any] = {
        "block_out_channels": (32, 64, 128),
        "layers_per_block": 2,
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        "cross_attention_dim": 128,
        "attention_head_dim": 8,
        "in_channels": 4,
        "out_channels": 4,
    }
    theirs = UNet2DConditionModel(**config).eval()
    converted = convert_ldm_unet_checkpoint(dict(weights), {**config, "class_embed_type": None})
    theirs.load_state_dict(converted, strict=True)
    x, context = torch.randn(2, 4, 13, 17), torch.randn(2, 77, 128)  # sizes that do not halve evenly
    sigma = torch.tensor(3.0)
    model = ours.diffusion_model
    timestep = model.model_sampling.timestep(sigma)

    output = theirs(x / (sigma**2 + 1).sqrt(), timestep, context).sample

    call = one_call(sigma, model.model_sampling)
    denoised = model.denoise(x, Feed(context=context), call, NO_NETWORK_HOOKS)
    difference = denoised - (x - sigma * output)
    assert difference.abs().max() <= TOLERANCE


@torch.no_grad()
def test_vae_equals_the_one_that_diffusers_makes_of_the_file(
    ours: Checkpoint, weights: dict[str, Tensor]
) -> None:
    config: dict[str, Any] = {
        "block_out_channels": (32, 64, 128, 128),
        "layers_per_block": 2,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": 4,
    }
    theirs: Any = AutoencoderKL(**config).eval()  # diffusers declares other types than it returns
    theirs.load_state_dict(convert_ldm_vae_checkpoint(dict(weights), config), strict=True)
    assert ours.vae is not None
    picture, latent = torch.rand(2, 24, 32, 3), torch.randn(2, 4, 3, 5)

    encoded = theirs.encode(picture.movedim(-1, 1) * 2 - 1).latent_dist.mode()
    decoded = (theirs.decode(latent).sample / 2 + 0.5).clamp(0, 1).movedim(1, -1)

    assert (ours.vae.encode(picture) - encoded).abs().max() <= TOLERANCE
    assert (ours.vae.decode(latent) - decoded).abs().max() <= TOLERANCE


@torch.no_grad()
def test_text_encoder_equals_the_one_of_transformers(ours: Checkpoint, weights: dict[str, Tensor]) -> None:
    theirs = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=128,
            intermediate_size=512,
            num_hidden_layers=3,
            num_attention_heads=2,
            hidden_act="quick_gelu",
            eos_token_id=EOS,
        )
    ).eval()
    converted = convert_ldm_clip_checkpoint(dict(weights))
    theirs.load_state_dict(
        {name.removeprefix("text_model."): tensor for name, tensor in converted.items()}, strict=True
    )
    ids = torch.tensor([[BOS, 320, 736, EOS, *[EOS] * 73], [BOS, *range(1000, 1075), EOS]])
    reference = theirs(ids, output_hidden_states=True)
    assert ours.text_encoder is not None
    network = ours.text_encoder.towers[0].network

    for layer, expected in (
        (-1, reference.last_hidden_state),
        (-2, theirs.final_layer_norm(reference.hidden_states[-2])),
        (-3, theirs.final_layer_norm(reference.hidden_states[-3])),
        (-4, reference.last_hidden_state),  # beyond the first layer: the last
        (-24, reference.last_hidden_state),
    ):
        given = network(ids, {}, layer=layer, normed=True)
        assert (given.tokens - expected).abs().max() <= TOLERANCE
        assert (given.pooled - reference.pooler_output).abs().max() <= TOLERANCE
