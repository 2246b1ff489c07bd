"""Text encoders from files of their own: the texts of the checkpoint they are from, and refusals."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from app.inference.models import errors
from app.nodes.loaders import PAIR_TYPES, TEXT_TYPES
from tests.golden_models import GoldenModels, family_weights
from tests.unit.nodes.recording_context import RecordingContext
from tests.unit.nodes.tiny_runs import call

TEXT = "a (red:1.3) fox in the snow"
TOWERS = {  # names of files, the recorded family that holds them, and what stands before their names there
    "sd1": ("sd1", "cond_stage_model.transformer."),
    "sd2": ("sd2", "cond_stage_model.model."),
    "xl_l": ("sdxl", "conditioner.embedders.0.transformer."),
    "xl_g": ("sdxl", "conditioner.embedders.1.model."),
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RecordingContext:
    made = RecordingContext(tmp_path_factory.mktemp("texts"))
    for name, (family, prefix) in TOWERS.items():
        weights = family_weights(family).items()
        saved(made, name, {key.removeprefix(prefix): each for key, each in weights if key.startswith(prefix)})
    saved(made, "vae", {"decoder.conv_in.weight": torch.ones(4, 4, 3, 3)})
    saved(made, "t5", {"encoder.block.0.layer.0.SelfAttention.q.weight": torch.ones(2, 2)})
    return made


def saved(context: RecordingContext, name: str, tensors: Mapping[str, Tensor]) -> Path:
    path = context.folders.base / f"models/text_encoders/{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: each.contiguous() for key, each in tensors.items()}, path)
    return path


def one(context: RecordingContext, name: str, **inputs: Any) -> Any:
    given = {"type": "stable_diffusion", **inputs}
    return call(context, "CLIPLoader", clip_name=f"{name}.safetensors", **given)[0]


def two(context: RecordingContext, first: str, second: str, **inputs: Any) -> Any:
    names = {"clip_name1": f"{first}.safetensors", "clip_name2": f"{second}.safetensors"}
    return call(context, "DualCLIPLoader", **names, **{"type": "sdxl", **inputs})[0]


def of_checkpoint(models: GoldenModels, family: str) -> Any:
    name = models.path(f"golden_{family}.safetensors").name
    return call(models.context(), "CheckpointLoaderSimple", ckpt_name=name)[1]


def encoded(clip: Any) -> tuple[Tensor, Tensor]:
    (entry,) = clip.encode(TEXT)
    return entry.tokens, entry.pooled


def test_encoder_of_sd1_gives_the_texts_of_its_checkpoint(
    golden_models: GoldenModels, context: RecordingContext
) -> None:
    ours, theirs = encoded(one(context, "sd1")), encoded(of_checkpoint(golden_models, "sd1"))

    assert all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize("names", [("xl_l", "xl_g"), ("xl_g", "xl_l")])
def test_two_files_in_any_order_give_the_texts_of_the_sdxl_checkpoint(
    golden_models: GoldenModels, context: RecordingContext, names: tuple[str, str]
) -> None:
    ours, theirs = encoded(two(context, *names)), encoded(of_checkpoint(golden_models, "sdxl"))

    assert all(map(torch.equal, ours, theirs))


def test_both_texts_reach_their_encoders(context: RecordingContext) -> None:
    clip = two(context, "xl_l", "xl_g")
    sizes = dict.fromkeys(("width", "height", "target_width", "target_height"), 64)
    given = {"clip": clip, "crop_w": 0, "crop_h": 0, **sizes, "text_l": TEXT, "text_g": TEXT}

    begun, other_l, other_g = (
        call(context, "CLIPTextEncodeSDXL", **{**given, **change})[0][0]
        for change in ({}, {"text_l": "another"}, {"text_g": "another"})
    )

    width = clip.towers[0].network.width
    assert torch.equal(begun.tokens, clip.encode(TEXT)[0].tokens)
    assert torch.equal(other_l.tokens[..., width:], begun.tokens[..., width:])
    assert not torch.equal(other_l.tokens[..., :width], begun.tokens[..., :width])
    assert torch.equal(other_g.tokens[..., :width], begun.tokens[..., :width])
    assert not torch.equal(other_g.tokens[..., width:], begun.tokens[..., width:])
    assert torch.equal(other_l.pooled, begun.pooled)
    assert not torch.equal(other_g.pooled, begun.pooled)


@pytest.mark.parametrize(
    ("layers", "role", "layer", "normed"),
    [(12, "clip_l", -1, True), (24, "clip_h", -2, True), (32, "clip_g", -2, False)],
)
def test_role_of_a_single_encoder_is_told_by_its_layers(
    context: RecordingContext, layers: int, role: str, layer: int, normed: bool
) -> None:
    config = CLIPTextConfig(hidden_size=32, intermediate_size=32, projection_dim=32, num_attention_heads=1)
    config.num_hidden_layers = layers
    config.hidden_act = "quick_gelu" if role == "clip_l" else "gelu"
    theirs = CLIPTextModelWithProjection(config).eval()
    saved(context, role, theirs.state_dict())

    clip = one(context, role)

    (tower,) = clip.towers
    assert (tower.role, tower.layer, tower.normed) == (role, layer, normed)
    (chunk,) = tower.chunks("a cat", None)
    with torch.no_grad():
        hidden = theirs(torch.tensor([chunk.tokens]), output_hidden_states=True).hidden_states
        states = hidden[layer]
        if normed:
            states = theirs.text_model.final_layer_norm(states)
    torch.testing.assert_close(clip.encode("a cat")[0].tokens, states, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [each for each in TEXT_TYPES if each != "stable_diffusion"])
def test_other_types_of_one_file_are_refused(context: RecordingContext, kind: str) -> None:
    with pytest.raises(errors.FamilyNotSupported, match=f"used as {kind}, .* to stable_diffusion"):
        one(context, "sd1", type=kind)


@pytest.mark.parametrize("kind", [each for each in PAIR_TYPES if each != "sdxl"])
def test_other_types_of_two_files_are_refused(context: RecordingContext, kind: str) -> None:
    with pytest.raises(errors.FamilyNotSupported, match=f"used as {kind}, .* Set the type to sdxl"):
        two(context, "xl_l", "xl_g", type=kind)


@pytest.mark.parametrize(
    ("first", "second", "seems"),
    [
        ("xl_l", "xl_l", "CLIP-L"),
        ("xl_l", "sd1", "CLIP-L"),
        ("wide_h", "xl_l", "CLIP-L"),
        ("xl_g", "wide_h", "CLIP-H"),
    ],
)
def test_two_files_that_are_no_pair_are_named(
    context: RecordingContext, first: str, second: str, seems: str
) -> None:
    config = CLIPTextConfig(hidden_size=32, intermediate_size=32, num_attention_heads=1)
    config.num_hidden_layers = 24
    saved(context, "wide_h", CLIPTextModel(config).state_dict())

    with pytest.raises(
        errors.WrongModelKind, match=rf"{second}.safetensors seems to be {seems}, and {first}.safetensors is"
    ):
        two(context, first, second)


@pytest.mark.parametrize(("name", "kind"), [("vae", "VAE"), ("t5", "T5 text encoder")])
def test_files_of_other_kinds_are_named(context: RecordingContext, name: str, kind: str) -> None:
    with pytest.raises(errors.WrongModelKind, match=f"seems to be a {kind}"):
        one(context, name)
    for pair in (("xl_l", name), (name, "xl_g")):
        with pytest.raises(errors.WrongModelKind, match=f"seems to be a {kind}"):
            two(context, *pair)


def test_encoders_for_the_cpu_are_loaded_apart(context: RecordingContext) -> None:
    assert one(context, "sd1") is one(context, "sd1", device="default")
    assert one(context, "sd1") is not one(context, "sd1", device="cpu")
    assert two(context, "xl_l", "xl_g") is not two(context, "xl_l", "xl_g", device="cpu")
    assert all(map(torch.equal, encoded(one(context, "sd1", device="cpu")), encoded(one(context, "sd1"))))
