"""Saved models: tensors and names of the files they were loaded from, patches worked in, ready to reload."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from app.inference.interrupts import Interrupted
from app.inference.models.errors import PartMissing
from tests.checkpoints import UNET, VAE, save_tiny, tiny_weights
from tests.golden_models import GoldenModels, family_weights, recorded
from tests.loras import lora_tensors, merged, save_lora
from tests.unit.nodes.recording_context import RecordingContext
from tests.unit.nodes.tiny_runs import call, distance, load, sampled

FAMILIES = tuple(recorded()["families"])
ARCHITECTURES = {
    "sdxl": "stable-diffusion-xl-v1-base",
    "sdxl_vpred_zsnr": "stable-diffusion-xl-v1-base",
    "sdxl_edm_vpred": "stable-diffusion-xl-v1-base",
    "sdxl_playground": "stable-diffusion-xl-v1-base",
    "sdxl_inpaint": "stable-diffusion-xl-v1-base",
    "refiner": "stable-diffusion-xl-v1-refiner",
}
PREDICTS = {"sd2_v": "v", "sdxl_vpred_zsnr": "v", "sdxl_edm_vpred": None, "sdxl_playground": None}
ALSO_MARKED = {"sd2_v": {"v_pred"}}  # its own weights tell loaders, too
CONSTANT = {"edm_mean", "edm_std"}  # loaders ask for their names only


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    made = RecordingContext(tmp_path)
    made.prompt = {"1": {"class_type": "CheckpointSave", "inputs": {}}}
    made.extra_pnginfo = {"workflow": {"nodes": []}}
    save_tiny(tmp_path / "models/checkpoints/tiny.safetensors")
    save_lora(tmp_path / "models/loras/a.safetensors", lora_tensors())
    return made


def golden_parts(models: GoldenModels, family: str) -> tuple[Any, ...]:
    path = models.checkpoint(family)
    return call(models.context(), "CheckpointLoaderSimple", ckpt_name=path.name)


def written(context: RecordingContext) -> Path:
    """The one file that was written, which had been announced."""
    (path,) = [path for path in context.folders.output.rglob("*") if path.is_file()]
    assert context.files == [path]
    return path


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}


def assert_same_bits(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():
        assert (actual[name].dtype, actual[name].shape) == (tensor.dtype, tensor.shape), name
        assert torch.equal(actual[name], tensor), name


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_is_saved_as_it_was_loaded(
    golden_models: GoldenModels, context: RecordingContext, family: str
) -> None:
    model, clip, vae = golden_parts(golden_models, family)

    call(context, "CheckpointSave", model=model, clip=clip, vae=vae, filename_prefix="checkpoints/a")

    path = written(context)
    assert path.relative_to(context.folders.output).as_posix() == "checkpoints/a_00001_.safetensors"
    saved, expected = load_file(path), family_weights(family)
    for name in ALSO_MARKED.get(family, ()):
        assert saved.pop(name).numel() == 0
    for name in CONSTANT & expected.keys():
        assert saved.pop(name).shape == expected.pop(name).shape
    assert_same_bits(saved, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_metadata_tell_what_the_model_is(
    golden_models: GoldenModels, context: RecordingContext, family: str
) -> None:
    model, clip, vae = golden_parts(golden_models, family)

    call(context, "CheckpointSave", model=model, clip=clip, vae=vae, filename_prefix="checkpoints/a")

    metadata = metadata_of(written(context))
    assert json.loads(metadata.pop("prompt")) == context.prompt
    assert json.loads(metadata.pop("workflow")) == {"nodes": []}
    assert metadata.pop("modelspec.predict_key", None) == PREDICTS.get(family, "epsilon")
    expected = {}
    if family in ARCHITECTURES:
        expected = {
            "modelspec.sai_model_spec": "1.0.0",
            "modelspec.implementation": "sgm",
            "modelspec.title": "a 1",
            "modelspec.architecture": ARCHITECTURES[family],
        }
    assert metadata == expected


def test_the_diffusion_model_alone_keeps_its_names(
    golden_models: GoldenModels, context: RecordingContext
) -> None:
    model = golden_parts(golden_models, "sdxl_vpred_zsnr")[0]

    call(context, "ModelSave", model=model, filename_prefix="diffusion_models/a")

    expected = {
        name: tensor
        for name, tensor in family_weights("sdxl_vpred_zsnr").items()
        if name.startswith(UNET) or name in ("v_pred", "ztsnr")
    }
    path = written(context)
    assert_same_bits(load_file(path), expected)
    assert metadata_of(path)["modelspec.architecture"] == "stable-diffusion-xl-v1-base"


def test_a_vae_is_saved_without_prefix(golden_models: GoldenModels, context: RecordingContext) -> None:
    vae = golden_parts(golden_models, "sd1")[2]

    call(context, "VAESave", vae=vae, filename_prefix="vae/a")

    expected = {
        name.removeprefix(VAE): tensor
        for name, tensor in family_weights("sd1").items()
        if name.startswith(VAE)
    }
    assert_same_bits(load_file(written(context)), expected)


@pytest.mark.parametrize(
    ("family", "kinds"), [("sd1", ["l"]), ("sd2", ["h"]), ("sdxl", ["g", "l"]), ("refiner", ["g"])]
)
def test_each_text_encoder_gets_a_file_of_its_own(
    golden_models: GoldenModels, context: RecordingContext, family: str, kinds: list[str]
) -> None:
    clip = golden_parts(golden_models, family)[1]

    call(context, "CLIPSave", clip=clip, filename_prefix="clip/a")

    folder = context.folders.output / "clip"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"a_clip_{kind}_00001_.safetensors" for kind in kinds
    ]
    for kind in kinds:
        path = folder / f"a_clip_{kind}_00001_.safetensors"
        assert metadata_of(path)["format"] == "pt"
        assert "text_model.embeddings.token_embedding.weight" in load_file(path)


def test_a_saved_text_encoder_gives_the_same_states(context: RecordingContext) -> None:
    clip = load(context)[1]
    call(context, "CLIPSave", clip=clip, filename_prefix="a")
    written(context).rename(context.folders.base / "models/text_encoders/a.safetensors")

    (again,) = call(context, "CLIPLoader", clip_name="a.safetensors")

    states = [call(context, "CLIPTextEncode", text="a cat", clip=each)[0][0].tokens for each in (clip, again)]
    assert torch.equal(*states)


def test_a_saved_vae_gives_the_same_pictures(context: RecordingContext) -> None:
    vae = call(context, "CheckpointLoaderSimple", ckpt_name="tiny.safetensors")[2]
    call(context, "VAESave", vae=vae, filename_prefix="a")
    written(context).rename(context.folders.base / "models/vae/a.safetensors")

    (again,) = call(context, "VAELoader", vae_name="a.safetensors")

    latent = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(3))
    assert torch.equal(vae.decode(latent), again.decode(latent))


def test_patches_are_worked_in(context: RecordingContext) -> None:
    model, clip, vae = call(context, "CheckpointLoaderSimple", ckpt_name="tiny.safetensors")
    strengths = {"strength_model": 0.7, "strength_clip": 0.7}
    changed = call(context, "LoraLoader", model=model, clip=clip, lora_name="a.safetensors", **strengths)

    call(context, "CheckpointSave", model=changed[0], clip=changed[1], vae=vae, filename_prefix="a")

    saved, expected = load_file(written(context)), merged(tiny_weights(), lora_tensors(), 0.7)
    assert saved.keys() == expected.keys()
    for name, tensor in expected.items():
        assert (saved[name] - tensor).abs().max() <= 1e-6, name


def test_a_merge_saved_and_loaded_again_gives_the_same_picture(context: RecordingContext) -> None:
    save_tiny(context.folders.base / "models/checkpoints/other.safetensors", seed=50)
    model, clip, vae = call(context, "CheckpointLoaderSimple", ckpt_name="tiny.safetensors")
    model2, clip2 = load(context, "other.safetensors")
    (mixed,) = call(context, "ModelMergeSimple", model1=model, model2=model2, ratio=0.3)
    (mixed_clip,) = call(context, "CLIPMergeSimple", clip1=clip, clip2=clip2, ratio=0.6)
    expected = sampled(context, mixed, mixed_clip)

    call(context, "CheckpointSave", model=mixed, clip=mixed_clip, vae=vae, filename_prefix="a")
    written(context).rename(context.folders.base / "models/checkpoints/merged.safetensors")

    assert torch.equal(sampled(context, *load(context, "merged.safetensors")), expected)
    assert distance(expected, sampled(context, model, clip)) > 1e-2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_number_format_of_the_file_is_kept(context: RecordingContext, dtype: torch.dtype) -> None:
    save_tiny(context.folders.base / "models/checkpoints/half.safetensors", dtype=dtype)
    model, clip, vae = call(context, "CheckpointLoaderSimple", ckpt_name="half.safetensors")
    (changed,) = call(
        context, "LoraLoaderModelOnly", model=model, lora_name="a.safetensors", strength_model=1.0
    )

    call(context, "CheckpointSave", model=changed, clip=clip, vae=vae, filename_prefix="a")

    saved = load_file(written(context))
    weights = {name: each.to(dtype) for name, each in tiny_weights().items()}
    expected = merged({name: each.float() for name, each in weights.items()}, lora_tensors(), 1.0)
    assert {each.dtype for each in saved.values()} == {dtype}
    for name in saved:
        if name.startswith(UNET):
            assert torch.allclose(saved[name].float(), expected[name].to(dtype).float(), atol=1e-2), name
        else:
            assert torch.equal(saved[name], weights[name]), name


def test_heads_and_preview_colours_come_along(context: RecordingContext) -> None:
    colours = {"factors": [[0.1, 0.2, 0.3]] * 4, "bias": [0.0, 0.5, 0.0]}
    told = {"cc.num_heads": "4", "cc.latent_rgb": json.dumps(colours)}
    save_tiny(context.folders.base / "models/checkpoints/told.safetensors", metadata=told)
    model, clip, vae = call(context, "CheckpointLoaderSimple", ckpt_name="told.safetensors")

    call(context, "CheckpointSave", model=model, clip=clip, vae=vae, filename_prefix="a")

    metadata = metadata_of(written(context))
    assert metadata["cc.num_heads"] == "4"
    assert json.loads(metadata["cc.latent_rgb"]) == colours


def test_no_documents_are_written_where_they_are_not_wanted(context: RecordingContext) -> None:
    context.metadata = False
    model, _ = load(context)

    call(context, "ModelSave", model=model, filename_prefix="a")

    assert metadata_of(written(context)) == {"modelspec.predict_key": "epsilon"}


def test_names_go_on_counting(context: RecordingContext) -> None:
    model, _ = load(context)

    for _ in range(2):
        call(context, "ModelSave", model=model, filename_prefix="sub/a")

    names = sorted(path.name for path in (context.folders.output / "sub").iterdir())
    assert names == ["a_00001_.safetensors", "a_00002_.safetensors"]


def test_a_stopped_save_leaves_nothing_behind(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path, stop_after=0)
    save_tiny(tmp_path / "models/checkpoints/tiny.safetensors")
    model, _ = load(context)

    with pytest.raises(Interrupted):
        call(context, "ModelSave", model=model, filename_prefix="a")

    assert list(context.folders.output.iterdir()) == []


def test_missing_parts_are_named(context: RecordingContext) -> None:
    model, clip, vae = call(context, "CheckpointLoaderSimple", ckpt_name="tiny.safetensors")
    (pixels,) = call(context, "VAELoader", vae_name="pixel_space")

    for parts in ({"clip": None, "vae": vae}, {"clip": clip, "vae": None}):
        with pytest.raises(PartMissing, match="Connect all three"):
            call(context, "CheckpointSave", model=model, filename_prefix="a", **parts)
    with pytest.raises(PartMissing, match="text encoder"):
        call(context, "CLIPSave", clip=None, filename_prefix="a")
    with pytest.raises(PartMissing, match="VAE"):
        call(context, "VAESave", vae=None, filename_prefix="a")
    with pytest.raises(PartMissing, match="no Stable Diffusion VAE"):
        call(context, "VAESave", vae=pixels, filename_prefix="a")
