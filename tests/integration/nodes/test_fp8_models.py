"""Models whose weights are stored in 8 bits, with factors or without: as if the numbers were written out."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from app.inference.models.errors import WeightsDoNotFit
from app.inference.models.fp8 import round_to_fp8
from app.inference.models.weights import PatchedWeights
from tests.diffusers_folders import save_diffusers_folder
from tests.golden_models import family_weights, file_weights
from tests.nearly import nearly_equal
from tests.unit.nodes.recording_context import RecordingContext
from tests.unit.nodes.tiny_runs import call

FORMATS = (torch.float8_e4m3fn, torch.float8_e5m2)
UNET, TEXT = "model.diffusion_model.", "cond_stage_model.transformer."
LORA = "golden_sd1_kohya_ldm.safetensors"
ROUNDED = {"fp8_e4m3fn": FORMATS[0], "fp8_e4m3fn_fast": FORMATS[0], "fp8_e5m2": FORMATS[1]}


@cache
def sd1() -> dict[str, Tensor]:
    """The weights of the recorded checkpoint."""
    return family_weights("sd1")


def scaled(weights: dict[str, Tensor], dtype: torch.dtype, *markers: str) -> dict[str, Tensor]:
    """The weights with every matrix in 8 bits and a factor that makes use of the whole range."""
    stored: dict[str, Tensor] = {marker: torch.zeros(2, dtype=dtype) for marker in markers}
    for name, tensor in weights.items():
        stored[name] = tensor
        if tensor.ndim == 2 and name.endswith(".weight") and "embedding" not in name:
            factor = tensor.abs().max() / torch.finfo(dtype).max
            stored[name] = (tensor / factor).to(dtype)
            stored[name.removesuffix("weight") + "scale_weight"] = factor
            stored[name.removesuffix("weight") + "scale_input"] = torch.tensor(3.0)
    return stored


def written_out(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same numbers in 32 bits."""
    written: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        if not name.endswith(("scaled_fp8", "scale_weight", "scale_input")):
            factor = stored.get(name.removesuffix("weight") + "scale_weight")
            written[name] = tensor.float() if factor is None else tensor.float() * factor
    return written


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path)


def saved(context: RecordingContext, folder: str, name: str, tensors: dict[str, Tensor]) -> str:
    path = context.folders.base / "models" / folder / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
    return path.name


def sampled(context: RecordingContext, model: Any, clip: Any) -> Tensor:
    texts = [call(context, "CLIPTextEncode", clip=clip, text=text)[0] for text in ("a red fox", "blurry")]
    (latent,) = call(context, "EmptyLatentImage", width=64, height=64, batch_size=1)
    numbers = {"seed": 1, "steps": 2, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal"}
    sides = dict(zip(("positive", "negative"), texts, strict=True))
    inputs = {"model": model, "latent_image": latent, "denoise": 1.0, **sides, **numbers}
    return call(context, "KSampler", **inputs)[0].samples


def same_weights(ours: PatchedWeights[Any], theirs: PatchedWeights[Any]) -> bool:
    return set(ours.names) == set(theirs.names) and all(
        torch.equal(ours.value(name), theirs.value(name)) for name in ours.names
    )


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_scaled_checkpoint_equals_the_one_that_is_written_out(
    context: RecordingContext, dtype: torch.dtype, caplog: pytest.LogCaptureFixture
) -> None:
    stored = scaled(sd1(), dtype, f"{UNET}scaled_fp8", f"{TEXT}scaled_fp8")
    pair = [("scaled", stored), ("plain", written_out(stored))]
    names = [saved(context, "checkpoints", name, tensors) for name, tensors in pair]

    ours, theirs = (call(context, "CheckpointLoaderSimple", ckpt_name=name) for name in names)

    assert same_weights(ours[0].network.weights, theirs[0].network.weights)
    assert nearly_equal(sampled(context, *ours[:2]), sampled(context, *theirs[:2]))
    assert "not used" not in caplog.text


def test_scaled_parts_in_files_of_their_own_equal_those_written_out(context: RecordingContext) -> None:
    weights = sd1()
    text = {name.removeprefix(TEXT): each for name, each in weights.items() if name.startswith(TEXT)}
    unet = scaled(file_weights("golden_sd1_unet.safetensors"), FORMATS[0], "scaled_fp8")
    text = scaled(text, FORMATS[0], "scaled_fp8")
    for name, folder, stored in (("unet", "diffusion_models", unet), ("text", "text_encoders", text)):
        saved(context, folder, f"{name}_scaled", stored)
        saved(context, folder, f"{name}_plain", written_out(stored))

    models, clips = [], []
    for kind in ("scaled", "plain"):
        inputs = {"unet_name": f"unet_{kind}.safetensors", "weight_dtype": "default"}
        models += call(context, "UNETLoader", **inputs)
        clips += call(context, "CLIPLoader", clip_name=f"text_{kind}.safetensors", type="stable_diffusion")

    assert same_weights(models[0].network.weights, models[1].network.weights)
    assert torch.equal(*(each.encode("a (red:1.4) fox")[0].tokens for each in clips))


def test_scaled_unet_in_diffusers_layout_equals_the_one_written_out(context: RecordingContext) -> None:
    folder = save_diffusers_folder("sdxl", context.folders.base / "saved")
    unet = load_file(folder / "unet/diffusion_pytorch_model.safetensors")
    stored = scaled(unet, FORMATS[0], "scaled_fp8")
    pair = [("scaled", stored), ("plain", written_out(stored))]
    names = [saved(context, "diffusion_models", name, tensors) for name, tensors in pair]

    ours, theirs = (call(context, "UNETLoader", unet_name=name, weight_dtype="default")[0] for name in names)

    assert same_weights(ours.network.weights, theirs.network.weights)


def test_loras_on_a_scaled_checkpoint_change_the_numbers_written_out_and_leave_no_trace(
    context: RecordingContext,
) -> None:
    stored = scaled(sd1(), FORMATS[0], "scaled_fp8")
    pair = [("scaled", stored), ("plain", written_out(stored))]
    names = [saved(context, "checkpoints", name, tensors) for name, tensors in pair]
    saved(context, "loras", LORA.removesuffix(".safetensors"), file_weights(LORA))
    ours, theirs = (call(context, "CheckpointLoaderSimple", ckpt_name=name)[:2] for name in names)
    before = sampled(context, *ours)
    strengths = {"strength_model": 0.8, "strength_clip": 0.6}

    changed = [
        sampled(context, *call(context, "LoraLoader", model=model, clip=clip, lora_name=LORA, **strengths))
        for model, clip in (ours, theirs)
    ]

    assert nearly_equal(*changed)
    assert not torch.equal(changed[0], before)
    assert torch.equal(sampled(context, *ours), before)


def test_scaled_weights_stay_8_bits_while_they_are_not_needed(context: RecordingContext) -> None:
    name = saved(context, "checkpoints", "scaled", scaled(sd1(), FORMATS[0]))
    weights = call(context, "CheckpointLoaderSimple", ckpt_name=name)[0].network.weights
    layer = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    expected = weights.value(layer)

    def now() -> Tensor:
        return weights.network.state_dict()[layer]

    assert now().dtype == FORMATS[0]
    with weights.at_work():
        assert torch.equal(now(), expected)
    weights.come_home()
    assert now().dtype == FORMATS[0]


@pytest.mark.parametrize("weight_dtype", ["fp8_e4m3fn", "fp8_e5m2"])
def test_models_changed_in_8_bits_are_saved_in_8_bits_rounded_by_chance_of_their_original_names(
    context: RecordingContext, weight_dtype: str
) -> None:
    name = saved(context, "diffusion_models", "unet", file_weights("golden_sd1_unet.safetensors"))
    saved(context, "loras", LORA.removesuffix(".safetensors"), file_weights(LORA))
    (model,) = call(context, "UNETLoader", unet_name=name, weight_dtype=weight_dtype)
    (changed,) = call(context, "LoraLoaderModelOnly", model=model, lora_name=LORA, strength_model=1.0)

    call(context, "ModelSave", model=changed, filename_prefix="made")

    (path,) = (context.folders.output).glob("made*.safetensors")
    written, dtype = load_file(path), ROUNDED[weight_dtype]
    touched = {each for patch in changed.patches for each in patch.names}
    assert len(touched) > 5
    for ours, original in changed.network.original_names.items():
        value = changed.network.weights.value(ours, [each for each in changed.patches if ours in each.names])
        key = f"diffusion_model.{original}"
        expected = round_to_fp8(value, dtype, key) if ours in touched else value.to(dtype)
        assert torch.equal(written[f"model.{key}"].float().flatten(), expected.float().flatten())


def test_factors_of_another_kind_are_refused(context: RecordingContext) -> None:
    stored = scaled(sd1(), FORMATS[0])
    layer = next(name for name in stored if name.endswith("scale_weight"))
    stored[layer] = torch.ones(4)
    name = saved(context, "checkpoints", "rows", stored)

    with pytest.raises(WeightsDoNotFit, match="4 numbers in place of one"):
        call(context, "CheckpointLoaderSimple", ckpt_name=name)


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_checkpoint_stored_in_8_bits_without_factors_is_computed_in_32(
    context: RecordingContext, dtype: torch.dtype
) -> None:
    stored = {name: tensor.to(dtype) for name, tensor in sd1().items()}
    written = {name: tensor.float() for name, tensor in stored.items()}
    names = [
        saved(context, "checkpoints", name, tensors) for name, tensors in (("a", stored), ("b", written))
    ]

    ours, theirs = (call(context, "CheckpointLoaderSimple", ckpt_name=name) for name in names)

    assert nearly_equal(sampled(context, *ours[:2]), sampled(context, *theirs[:2]))
    picture = torch.rand(1, 64, 64, 3)
    assert nearly_equal(ours[2].encode(picture), theirs[2].encode(picture))


@pytest.mark.parametrize("weight_dtype", ROUNDED)
def test_weight_dtype_rounds_every_weight_and_computes_in_32_bits(
    context: RecordingContext, weight_dtype: str
) -> None:
    weights = file_weights("golden_sd1_unet.safetensors")
    rounded = {name: tensor.to(ROUNDED[weight_dtype]).float() for name, tensor in weights.items()}
    for name, tensors in (("plain", weights), ("rounded", rounded)):
        saved(context, "diffusion_models", name, tensors)
    clip = call(
        context,
        "CheckpointLoaderSimple",
        ckpt_name=saved(context, "checkpoints", "sd1", sd1()),
    )[1]

    def model(name: str, dtype: str) -> Any:
        return call(context, "UNETLoader", unet_name=f"{name}.safetensors", weight_dtype=dtype)[0]

    ours, exact, plain = model("plain", weight_dtype), model("rounded", "default"), model("plain", "default")
    latents = [sampled(context, each, clip) for each in (ours, exact, plain)]

    assert same_weights(ours.network.weights, exact.network.weights)
    assert nearly_equal(latents[0], latents[1])
    difference = (latents[0] - latents[2]).norm() / latents[2].norm()
    assert 0.001 < difference < 0.5
