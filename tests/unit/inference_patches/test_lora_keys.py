"""Keys of LoRA files: which layer and which part each dialect means."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.inference.models.errors import NotAModelFile
from app.inference.models.files.ldm_names import UNetLevel, rename, unet_modules
from app.inference.patches.layer_names import (
    UNET_PREFIXES,
    find_layer,
    text_layers,
    text_prefixes,
    unet_layers,
)
from app.inference.patches.lora_file import open_lora, split_key

LEVELS = (UNetLevel(channels=32, blocks=2, depth=1), UNetLevel(channels=64, blocks=2, depth=0))
QUERY = "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q"
OUT = "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0"
TENSORS = (
    f"{QUERY}.weight",
    f"{OUT}.weight",
    f"{OUT}.bias",
    "mid_block.resnets.1.conv1.weight",
    "up_blocks.0.upsamplers.0.conv.weight",
    "down_blocks.0.downsamplers.0.conv.weight",
    "time_embedding.linear_2.weight",
    "conv_in.weight",
)
TEXT = "encoder.layers.1.self_attn.out_proj"


@pytest.mark.parametrize(
    ("ending", "part"),
    [
        (".lora_down.weight", "down"),
        (".lora_up.weight", "up"),
        (".lora_mid.weight", "mid"),
        (".lora_A.weight", "down"),
        (".lora_B.weight", "up"),
        (".lora_A", "down"),
        (".lora_B", "up"),
        (".lora_A.default.weight", "down"),
        (".lora_B.default.weight", "up"),
        (".lora_A.my_adapter.weight", "down"),
        ("_lora.down.weight", "down"),
        ("_lora.up.weight", "up"),
        (".lora.down.weight", "down"),
        (".lora.up.weight", "up"),
        (".lora_linear_layer.down.weight", "down"),
        (".lora_linear_layer.up.weight", "up"),
        (".alpha", "alpha"),
        (".dora_scale", "dora_scale"),
        (".lora_magnitude_vector", "lora_magnitude_vector"),
        (".lora_magnitude_vector.default", "lora_magnitude_vector"),
        (".lora_magnitude_vector.weight", "lora_magnitude_vector"),
        (".lora_magnitude_vector.my_adapter.weight", "lora_magnitude_vector"),
        (".hada_w1_a", "hada_w1_a"),
        (".hada_w2_b", "hada_w2_b"),
        (".hada_t1", "hada_t1"),
        (".lokr_w1", "lokr_w1"),
        (".lokr_w2_a", "lokr_w2_a"),
        (".lokr_t2", "lokr_t2"),
        (".oft_blocks", "oft_blocks"),
        (".rescale", "rescale"),
        (".a1.weight", "a1"),
        (".b2.weight", "b2"),
        (".diff", "diff"),
        (".diff_b", "diff_b"),
        (".set_weight", "set_weight"),
        (".w_norm", "w_norm"),
        (".b_norm", "b_norm"),
    ],
)
def test_a_key_ends_in_its_part(ending: str, part: str) -> None:
    assert split_key(f"a.layer_name{ending}") == ("a.layer_name", part)


@pytest.mark.parametrize("key", ["a.weight", "a.lora_down.bias", "a.lora_A.bias", "alpha_x", "a.lora_up"])
def test_other_keys_belong_to_no_part(key: str) -> None:
    assert split_key(key) == (key, None)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("lora_unet_input_blocks_2_1_transformer_blocks_0_attn1_to_q", QUERY),
        ("lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q", QUERY),
        ("lycoris_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q", QUERY),
        ("unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q", QUERY),
        ("unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.processor.to_q", QUERY),
        ("down_blocks.0.attentions.1.transformer_blocks.0.attn1.processor.to_q", QUERY),
        ("down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q", QUERY),
        ("base_model.model.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q", QUERY),
        ("diffusion_model.input_blocks.2.1.transformer_blocks.0.attn1.to_q", QUERY),
        ("lora_unet_input_blocks_2_1_transformer_blocks_0_attn1_to_out_0", OUT),
        ("unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.processor.to_out", OUT),
        ("unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0", OUT),
        ("lora_unet_middle_block_2_in_layers_2", "mid_block.resnets.1.conv1"),
        ("lora_unet_mid_block_resnets_1_conv1", "mid_block.resnets.1.conv1"),
        ("lora_unet_input_blocks_3_0_op", "down_blocks.0.downsamplers.0.conv"),
        ("lora_unet_output_blocks_2_1_conv", "up_blocks.0.upsamplers.0.conv"),
        ("lora_unet_time_embed_2", "time_embedding.linear_2"),
        ("diffusion_model.input_blocks.0.0", "conv_in"),
        ("lora_te_text_model_encoder_layers_1_self_attn_out_proj", None),
        ("lora_unet_input_blocks_9_1_transformer_blocks_0_attn1_to_q", None),
        ("something_else", None),
    ],
)
def test_unet_layers_are_found_in_every_dialect(name: str, layer: str | None) -> None:
    modules = {ours: theirs for theirs, ours in unet_modules(LEVELS).items()}
    originals = {tensor: rename(tensor, modules) for tensor in TENSORS}
    layers = unet_layers({tensor: name for tensor, name in originals.items() if name is not None})

    assert find_layer(name, layers, UNET_PREFIXES) == layer


@pytest.mark.parametrize(
    ("name", "towers"),
    [
        ("lora_te_text_model_encoder_layers_1_self_attn_out_proj", "first"),
        ("lora_te1_text_model_encoder_layers_1_self_attn_out_proj", "first"),
        ("lora_te2_text_model_encoder_layers_1_self_attn_out_proj", "second"),
        ("text_encoder.text_model.encoder.layers.1.self_attn.out_proj", "first"),
        ("text_encoder_2.text_model.encoder.layers.1.self_attn.out_proj", "second"),
        ("text_encoders.clip_l.transformer.text_model.encoder.layers.1.self_attn.out_proj", "first"),
        ("text_encoders.clip_g.transformer.text_model.encoder.layers.1.self_attn.out_proj", "second"),
        ("lora_te3_encoder_block_1_layer_0_SelfAttention_q", ""),
        ("lora_unet_conv_in", ""),
    ],
)
def test_text_layers_are_found_in_the_encoder_that_is_meant(name: str, towers: str) -> None:
    layers = text_layers([f"{TEXT}.weight", f"{TEXT}.bias"])

    first = find_layer(name, layers, text_prefixes("l", second=False))
    second = find_layer(name, layers, text_prefixes("g", second=True))

    assert first == (TEXT if towers == "first" else None)
    assert second == (TEXT if towers == "second" else None)


def test_a_single_big_text_encoder_answers_to_the_names_of_the_first() -> None:
    layers = text_layers([f"{TEXT}.weight"])

    name = "lora_te_text_model_encoder_layers_1_self_attn_out_proj"

    assert find_layer(name, layers, text_prefixes("g", second=False)) == TEXT


def test_a_file_is_read_layer_by_layer(tmp_path: Path) -> None:
    tensors = {
        "lora_unet_conv_in.lora_up.weight": torch.ones(4, 2),
        "lora_unet_conv_in.lora_down.weight": torch.ones(2, 4),
        "lora_unet_conv_in.alpha": torch.tensor(1.0),
        "strange": torch.ones(1),
    }
    save_file(tensors, tmp_path / "a lora.safetensors")

    lora = open_lora(tmp_path / "a lora.safetensors")

    assert {name: set(parts) for name, parts in lora.layers.items()} == {
        "lora_unet_conv_in": {"up", "down", "alpha"}
    }
    assert lora.strange_keys == ("strange",)


def test_a_replaced_file_is_another_lora(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a.diff": torch.ones(1)}, path)
    first = open_lora(path)

    same = open_lora(path)
    save_file({"a.diff": torch.ones(2)}, path)
    other = open_lora(path)

    assert first.identity == same.identity != other.identity


def test_a_text_file_is_no_lora(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("no tensors")

    with pytest.raises(NotAModelFile):
        open_lora(path)
