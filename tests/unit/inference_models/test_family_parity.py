"""Checkpoints of every family through diffusers' single-file converters: strictly, and to the same numbers.

The files are those of the recorded pipelines, whose tensors bear the names of the original modules.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from app.inference.conditioning.entry import CondEntry, PictureSize
from app.inference.hooks.network import NO_NETWORK_HOOKS
from app.inference.models.checkpoint import Checkpoint, load_checkpoint
from app.inference.text.tokenizer import BOS, EOS
from tests.golden_models import GoldenModels, family_weights, recorded
from tests.unit.inference.toy_model import one_call

TOLERANCE = 1e-5  # of the largest number compared
FAMILIES = ("sd1", "sd1_inpaint", "sd1_ip2p", "sd2", "sd2_v", "sdxl", "sdxl_inpaint", "refiner")
SIZE = PictureSize(width=640, height=384, crop_w=8, crop_h=16, target_width=512, target_height=320)
SCORE = 4.5


@dataclass(frozen=True, kw_only=True)
class TextLayout:
    """A text encoder within a checkpoint: where its tensors are and what they make."""

    family: str
    tower: int
    prefix: str
    width: int
    activation: str

    @property
    def is_open_clip(self) -> bool:
        """Whether the tensors have OpenCLIP's names."""
        return self.prefix.endswith(".model.")

    def config(self) -> CLIPTextConfig:
        """What the record tells of it: three layers, heads of 64 channels."""
        return CLIPTextConfig(
            vocab_size=49408,
            hidden_size=self.width,
            intermediate_size=self.width * 4,
            projection_dim=self.width,
            num_hidden_layers=3,
            num_attention_heads=self.width // 64,
            hidden_act=self.activation,
            eos_token_id=EOS,
        )

    def __str__(self) -> str:
        return f"{self.family} {self.tower}"


TEXTS = (
    TextLayout(
        family="sd1", tower=0, prefix="cond_stage_model.transformer.", width=128, activation="quick_gelu"
    ),
    TextLayout(family="sd2", tower=0, prefix="cond_stage_model.model.", width=128, activation="gelu"),
    TextLayout(
        family="sdxl",
        tower=0,
        prefix="conditioner.embedders.0.transformer.",
        width=128,
        activation="quick_gelu",
    ),
    TextLayout(family="sdxl", tower=1, prefix="conditioner.embedders.1.model.", width=192, activation="gelu"),
    TextLayout(
        family="refiner", tower=0, prefix="conditioner.embedders.0.model.", width=192, activation="gelu"
    ),
)


@pytest.fixture
def load(golden_models: GoldenModels) -> Callable[[str], Checkpoint]:
    def loaded(family: str) -> Checkpoint:
        return golden_models.context().models.get(
            "checkpoint", golden_models.checkpoint(family), load_checkpoint
        )

    return loaded


def described(family: str) -> dict[str, Any]:
    """Sizes of a family's networks, as recorded."""
    families = recorded()["families"]
    return families[families[family].get("keys_as", family)]["config"]


def unet_config(family: str, weights: dict[str, Tensor]) -> dict[str, Any]:
    """What diffusers' class for these UNets is told."""
    sizes = described(family)["unet"]
    widths = [sizes["ch"] * mult for mult in sizes["mult"]]
    attends = [depth > 0 for depth in sizes["depth"]]
    config = {
        "in_channels": weights["model.diffusion_model.input_blocks.0.0.weight"].shape[1],
        "out_channels": 4,
        "block_out_channels": widths,
        "layers_per_block": sizes["res"],
        "down_block_types": ["CrossAttnDownBlock2D" if each else "DownBlock2D" for each in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if each else "UpBlock2D" for each in reversed(attends)],
        "transformer_layers_per_block": [max(depth, 1) for depth in sizes["depth"]],
        "cross_attention_dim": sizes["ctx"],
        "attention_head_dim": [width // 64 for width in widths] if sizes["linear"] else 8,
        "use_linear_projection": sizes["linear"],
    }
    if sizes["adm"]:
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": sizes["adm"],
        }
    return config


def assert_every_tensor_used(converted: dict[str, Tensor], weights: dict[str, Tensor], prefix: str) -> None:
    stored = sum(tensor.numel() for name, tensor in weights.items() if name.startswith(prefix))
    assert sum(tensor.numel() for tensor in converted.values()) == stored


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= TOLERANCE * theirs.abs().max()


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_unet_converts_strictly_and_gives_the_same_numbers(
    load: Callable[[str], Checkpoint], family: str
) -> None:
    weights = family_weights(family)
    config = unet_config(family, weights)
    theirs = UNet2DConditionModel(**config).eval()
    converted = convert_ldm_unet_checkpoint(dict(weights), config)
    assert_every_tensor_used(converted, weights, "model.diffusion_model.")
    theirs.load_state_dict(converted, strict=True)
    torch.manual_seed(3)
    x = torch.randn(2, config["in_channels"], 13, 18)  # sizes that do not halve evenly
    tokens, timestep = torch.randn(2, 77, config["cross_attention_dim"]), torch.tensor([341.0, 341.0])
    model = load(family).diffusion_model
    added, vector = None, None
    if "addition_embed_type" in config:
        numbers = [SIZE.height, SIZE.width, SIZE.crop_h, SIZE.crop_w]
        numbers += [SCORE] if family == "refiner" else [SIZE.target_height, SIZE.target_width]
        pooled = torch.randn(1, config["projection_class_embeddings_input_dim"] - 256 * len(numbers))
        added = {
            "text_embeds": pooled.repeat(2, 1),
            "time_ids": torch.tensor(numbers, dtype=torch.float32).repeat(2, 1),
        }
        entry = CondEntry(tokens=tokens[:1], pooled=pooled, size=SIZE, aesthetic_score=SCORE)
        vector = model.inputs.label_vector(entry, negative=False, height=13, width=18)
        assert vector is not None
        vector = vector.repeat(2, 1)

    expected = theirs(x, timestep, tokens, added_cond_kwargs=added).sample

    with model.at_work():
        call = one_call(torch.tensor(1.0), model.model_sampling)
        actual = model.network(x, timestep, tokens, vector, call, NO_NETWORK_HOOKS)
    assert_close(actual, expected)


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_no_convolution_has_to_rearrange_its_weights(load: Callable[[str], Checkpoint], family: str) -> None:
    """What torch does at each call when a picture comes with its channels last."""
    model = load(family).diffusion_model
    shape = model.network.shape
    wrong: list[str] = []

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if not inputs[0].is_contiguous():
            wrong.append(str(module))

    convolutions = [each for each in model.network.network.modules() if isinstance(each, nn.Conv2d)]
    handles = [each.register_forward_pre_hook(look) for each in convolutions]
    x, tokens = torch.randn(2, shape.in_channels, 13, 18), torch.randn(2, 77, shape.context_width)
    label = None if shape.label_width is None else torch.randn(2, shape.label_width)
    try:
        with model.at_work():
            call = one_call(torch.tensor(1.0), model.model_sampling)
            model.network(x, torch.tensor([341.0, 341.0]), tokens, label, call, NO_NETWORK_HOOKS)
    finally:
        for handle in handles:
            handle.remove()
    assert convolutions
    assert wrong == []


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl", "refiner"])
@torch.no_grad()
def test_vae_converts_strictly_and_gives_the_same_numbers(
    load: Callable[[str], Checkpoint], family: str
) -> None:
    sizes = described("sd1")["vae"]  # the others' is the same
    config: dict[str, Any] = {
        "block_out_channels": [sizes["ch"] * mult for mult in sizes["mult"]],
        "layers_per_block": sizes["res"],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "latent_channels": sizes["z"],
    }
    theirs: Any = AutoencoderKL(**config).eval()  # diffusers declares other types than it returns
    weights = family_weights(family)
    converted = convert_ldm_vae_checkpoint(dict(weights), config)
    assert_every_tensor_used(converted, weights, "first_stage_model.")
    theirs.load_state_dict(converted, strict=True)
    vae = load(family).vae
    assert vae is not None
    torch.manual_seed(3)
    picture, latent = torch.rand(2, 24, 40, 3), torch.randn(2, 4, 3, 5)

    encoded = theirs.encode(picture.movedim(-1, 1) * 2 - 1).latent_dist.mode()
    decoded = (theirs.decode(latent).sample / 2 + 0.5).clamp(0, 1).movedim(1, -1)

    assert_close(vae.encode(picture), encoded)
    assert_close(vae.decode(latent), decoded)


@pytest.mark.parametrize("layout", TEXTS, ids=str)
@torch.no_grad()
def test_text_encoder_converts_strictly_and_gives_the_same_numbers(
    load: Callable[[str], Checkpoint], layout: TextLayout
) -> None:
    theirs, projection = converted_text(layout)
    torch.manual_seed(3)
    first, second = torch.randint(1000, 40000, (2, 75)).tolist()
    ids = torch.tensor([[BOS, *first[:20], EOS, *[0] * 55], [BOS, *second, EOS]])
    reference = theirs(ids, output_hidden_states=True)
    encoder = load(layout.family).text_encoder
    assert encoder is not None
    network = encoder.towers[layout.tower].network

    for layer, normed, expected in (
        (-1, True, reference.last_hidden_state),
        (-2, True, theirs.final_layer_norm(reference.hidden_states[-2])),
        (-2, False, reference.hidden_states[-2]),
    ):
        given = network(ids, {}, layer=layer, normed=normed)
        assert_close(given.tokens, expected)
        assert_close(given.pooled, reference.pooler_output)
        if projection is not None:
            assert_close(given.projected, projection(reference.pooler_output))


def converted_text(layout: TextLayout) -> tuple[CLIPTextModel, nn.Module | None]:
    """The text model that the converters make of a family's file, and what projects its pooled vectors."""
    weights, config = family_weights(layout.family), layout.config()
    if not layout.is_open_clip:
        converted = convert_ldm_clip_checkpoint(weights)
    else:
        converted = convert_open_clip_checkpoint(CLIPTextModel(config), weights, prefix=layout.prefix)
    if "text_projection.weight" in converted:
        whole = CLIPTextModelWithProjection(config).eval()
        whole.load_state_dict(converted, strict=True)
        return whole.text_model, whole.text_projection
    alone = CLIPTextModel(config).eval()
    bare = {name.removeprefix("text_model."): tensor for name, tensor in converted.items()}
    alone.load_state_dict(bare, strict=True)
    return alone, None
