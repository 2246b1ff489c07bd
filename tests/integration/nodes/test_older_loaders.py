"""Model folders of diffusers and checkpoints with a config: the pictures of a single file, and refusals."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel

from app.files.errors import FileNotAvailable
from app.inference.memory.model_store import ModelStore
from app.inference.models import errors
from app.inference.models.files.diffusers_folder import diffusers_folder
from app.inference.models.files.pickles import Pickles
from app.inference.models.original_config import ConfigUnreadable
from app.inference.text.tokenizer import encode_words
from app.nodes.context import NodeContext
from tests.diffusers_folders import save_diffusers_folder
from tests.golden_models import GoldenModels
from tests.nearly import nearly_equal
from tests.recorded_pipelines import NODES, SHARE, run_prompt
from tests.unit.nodes.recording_context import RecordingContext

Loader = dict[str, Any]
FILES = {family: f"golden_{family}.safetensors" for family in ("sd1", "sd2_v", "sdxl")}


@pytest.fixture(scope="module")
def saved(golden_models: GoldenModels) -> Callable[[str], str]:
    """Names of folders of recorded families, each saved when it is first asked for."""
    root = golden_models.base / "models/diffusers"

    def name_of(family: str) -> str:
        if not (root / family).exists():
            save_diffusers_folder(family, root / family)
        return family

    return name_of


def from_file(family: str) -> Loader:
    return {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": FILES[family]}}


def from_folder(name: str) -> Loader:
    return {"class_type": "DiffusersLoader", "inputs": {"model_path": name}}


def with_config(name: str, family: str = "sd1") -> Loader:
    return {"class_type": "CheckpointLoader", "inputs": {"config_name": name, "ckpt_name": FILES[family]}}


def made(context: NodeContext, loader: Loader, texts: Loader | None = None) -> dict[str, Any]:
    """Conditioning, latent and picture of a short run."""
    prompt = {
        "1": loader,
        "8": texts or loader,
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["8", 1], "text": "a red (cat:1.3)"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["8", 1], "text": "blurry"}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "6": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
                "seed": 1,
                "steps": 2,
                "cfg": 4.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
            },
        },
        "7": {"class_type": "VAEDecode", "inputs": {"samples": ["6", 0], "vae": ["1", 2]}},
    }
    return run_prompt(context, prompt, ["2", "6", "7"])


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_a_folder_gives_the_picture_of_the_single_file(
    golden_models: GoldenModels, saved: Callable[[str], str], family: str
) -> None:
    golden_models.path(FILES[family])

    ours = made(golden_models.context(), from_folder(saved(family)))

    single = made(golden_models.context(), from_file(family))
    assert torch.equal(ours["2"][0].tokens, single["2"][0].tokens)
    latents = ours["6"].samples, single["6"].samples  # XL's pooled text is multiplied from another side
    torch.testing.assert_close(*latents, rtol=0, atol=SHARE * latents[1].abs().max().item())
    torch.testing.assert_close(ours["7"], single["7"], rtol=0, atol=SHARE)


def test_velocity_of_a_folder_of_sd2_is_told_from_its_weights(
    golden_models: GoldenModels, saved: Callable[[str], str]
) -> None:
    golden_models.path(FILES["sd2_v"])
    single = from_file("sd2_v")
    folder = golden_models.base / "models/diffusers" / saved("sd2_v")
    text = CLIPTextModel(CLIPTextConfig(hidden_size=64, intermediate_size=64, num_attention_heads=1))
    text.save_pretrained(folder / "text_encoder")

    ours = made(golden_models.context(), from_folder("sd2_v"), texts=single)

    assert nearly_equal(ours["7"], made(golden_models.context(), single)["7"])


def test_text_encoder_of_sd2_gives_the_states_of_transformers(
    golden_models: GoldenModels, saved: Callable[[str], str]
) -> None:
    config = CLIPTextConfig(
        hidden_size=64,
        intermediate_size=128,
        num_attention_heads=1,
        num_hidden_layers=23,  # as diffusers saves it: without the last one, which SD 2 does not use
        hidden_act="gelu",
    )
    theirs = CLIPTextModel(config).eval()
    folder = copied(golden_models, saved("sd1"), golden_models.base / "models/diffusers/with 23 layers")
    theirs.save_pretrained(folder / "text_encoder")
    ids = [49406, *encode_words("a red cat"), 49407]
    ids += [0] * (77 - len(ids))

    _, clip, _ = run(golden_models.context(), "DiffusersLoader", model_path=folder.name)

    with torch.no_grad():
        expected = theirs(torch.tensor([ids])).last_hidden_state
    torch.testing.assert_close(clip.encode("a red cat")[0].tokens, expected, rtol=0, atol=1e-5)


def test_half_precision_and_safetensors_go_first(
    golden_models: GoldenModels, saved: Callable[[str], str], tmp_path: Path
) -> None:
    folder = copied(golden_models, saved("sd1"), tmp_path / "model")
    plain = diffusers_folder(folder)
    for name in (
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.bin",
        "text_encoder/pytorch_model.bin",
        "vae/diffusion_pytorch_model.fp16.safetensors",
    ):
        (folder / name).touch()

    found = diffusers_folder(folder)

    assert found.unet == plain.unet == folder / "unet/diffusion_pytorch_model.safetensors"
    assert found.text_encoders == plain.text_encoders == (folder / "text_encoder/model.safetensors",)
    assert found.vae == folder / "vae/diffusion_pytorch_model.fp16.safetensors"
    plain.unet.unlink()
    assert diffusers_folder(folder).unet.name == "diffusion_pytorch_model.fp16.bin"


def test_pickled_parts_are_refused_unless_allowed(
    golden_models: GoldenModels, saved: Callable[[str], str], tmp_path: Path
) -> None:
    context = RecordingContext(tmp_path)
    golden_models.path(FILES["sd1"])
    folder = copied(golden_models, saved("sd1"), tmp_path / "models/diffusers/sub/model")
    unet = folder / "unet/diffusion_pytorch_model.safetensors"
    torch.save(load_file(unet), unet.with_suffix(".bin"))
    unet.unlink()

    with pytest.raises(errors.PickleRefused, match="comfy-creator convert"):
        run(context, "DiffusersLoader", model_path="sub/model")

    context.models = ModelStore(torch.device("cpu"), pickles=Pickles(copies=tmp_path / "copies"))
    allowed = made(context, from_folder("sub/model"))
    assert nearly_equal(allowed["7"], made(golden_models.context(), from_file("sd1"))["7"])


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_missing_part_is_named(
    golden_models: GoldenModels, saved: Callable[[str], str], tmp_path: Path, part: str
) -> None:
    folder = copied(golden_models, saved("sd1"), tmp_path / "models/diffusers/model")
    shutil.rmtree(folder / part)

    with pytest.raises(errors.ModelFileMissing, match=f"^{part} is a part of the model that is not there"):
        run(RecordingContext(tmp_path), "DiffusersLoader", model_path="model")


def test_folders_of_other_families_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "models/diffusers/flux"
    (folder / "transformer").mkdir(parents=True)
    (folder / "model_index.json").touch()

    with pytest.raises(errors.FamilyNotSupported, match="flux is a model of another family"):
        run(RecordingContext(tmp_path), "DiffusersLoader", model_path="flux")


def test_unets_with_further_layers_are_refused(
    golden_models: GoldenModels, saved: Callable[[str], str], tmp_path: Path
) -> None:
    folder = copied(golden_models, saved("sd1"), tmp_path / "models/diffusers/model")
    unet = folder / "unet/diffusion_pytorch_model.safetensors"
    save_file({**load_file(unet), "class_embedding.linear_1.weight": torch.ones(2, 2)}, unet)

    with pytest.raises(errors.FamilyNotSupported, match="class_embedding"):
        run(RecordingContext(tmp_path), "DiffusersLoader", model_path="model")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "models/diffusers/not a model").mkdir(parents=True)

    for name in ("not a model", "../diffusers", ""):
        with pytest.raises(FileNotAvailable, match="models/diffusers"):
            run(RecordingContext(tmp_path), "DiffusersLoader", model_path=name)


def test_a_single_unet_in_diffusers_layout_is_loaded_as_the_original(
    golden_models: GoldenModels, saved: Callable[[str], str]
) -> None:
    context = golden_models.context()
    folder = golden_models.base / "models/diffusers" / saved("sdxl")
    target = golden_models.base / "models/diffusion_models/xl.safetensors"
    target.parent.mkdir(exist_ok=True)
    shutil.copy(folder / "unet/diffusion_pytorch_model.safetensors", target)

    (model,) = run(context, "UNETLoader", unet_name="xl.safetensors", weight_dtype="default")

    golden_models.path(FILES["sdxl"])
    original = run(context, "CheckpointLoaderSimple", ckpt_name=FILES["sdxl"])[0]
    with model.at_work(), original.at_work():  # without the patches of whoever used them before
        ours, theirs = (each.network.network.state_dict() for each in (model, original))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def config(golden_models: GoldenModels, name: str, text: str) -> str:
    path = golden_models.base / "models/configs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    golden_models.path(FILES["sd1"])
    return name


PLAIN = "model:\n  params:\n    timesteps: 1000\n    cond_stage_config: {target: a.b, params: {}}\n"
VELOCITY = 'model:\n  params:\n    parameterization: "v"\n'
SECOND_LAYER = "model:\n  params:\n    cond_stage_config:\n      params: {layer: hidden, layer_idx: -2}\n"


def test_a_config_without_special_settings_changes_nothing(golden_models: GoldenModels) -> None:
    name = config(golden_models, "plain.yaml", PLAIN)

    ours = made(golden_models.context(), with_config(name))

    assert nearly_equal(ours["7"], made(golden_models.context(), from_file("sd1"))["7"])


def test_parameterization_v_makes_the_output_a_velocity(golden_models: GoldenModels) -> None:
    context = golden_models.context()
    name = config(golden_models, "v.yaml", VELOCITY)

    model, clip, vae = run(context, "CheckpointLoader", config_name=name, ckpt_name=FILES["sd1"])

    original, *others = run(context, "CheckpointLoaderSimple", ckpt_name=FILES["sd1"])
    (expected,) = run(context, "ModelSamplingDiscrete", model=original, sampling="v_prediction", zsnr=False)
    x, sigma, raw = torch.tensor(2.0), torch.tensor(3.0), torch.tensor(0.5)
    denoised = [each.model_sampling.denoised(x, sigma, raw) for each in (model, expected, original)]
    assert denoised[0] == denoised[1] != denoised[2]
    assert model.network is original.network
    assert [clip, vae] == others


def test_layer_idx_sets_the_text_layer(golden_models: GoldenModels) -> None:
    context = golden_models.context()
    name = config(golden_models, "skip.yaml", SECOND_LAYER)

    _, clip, _ = run(context, "CheckpointLoader", config_name=name, ckpt_name=FILES["sd1"])

    _, original, _ = run(context, "CheckpointLoaderSimple", ckpt_name=FILES["sd1"])
    (expected,) = run(context, "CLIPSetLastLayer", clip=original, stop_at_clip_layer=-2)
    states = [each.encode("a cat")[0].tokens for each in (clip, expected, original)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize("text", ["a: [", "- 1", "other: {}", SECOND_LAYER.replace("-2", "two"), "model: 3"])
def test_configs_that_are_none_are_refused(golden_models: GoldenModels, text: str) -> None:
    name = config(golden_models, "broken.yaml", text)

    with pytest.raises(ConfigUnreadable, match="Choose another config"):
        run(golden_models.context(), "CheckpointLoader", config_name=name, ckpt_name=FILES["sd1"])


def copied(golden_models: GoldenModels, name: str, target: Path) -> Path:
    """A copy of a saved folder, to be changed."""
    shutil.copytree(golden_models.base / "models/diffusers" / name, target)
    return target


def run(context: RecordingContext, class_type: str, **inputs: Any) -> tuple[Any, ...]:
    result = NODES[class_type].run(context, **inputs)
    assert isinstance(result, tuple)
    return result
