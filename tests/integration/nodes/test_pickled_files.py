"""Every node that reads model files refuses pickles, and reads the same from them where they are allowed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from app.commands.convert_file import convert_file
from app.inference.memory.model_store import ModelStore
from app.inference.models.errors import PickleRefused
from app.inference.models.files.pickles import Pickles
from app.inference.models.upscalers.rrdb_network import RrdbNetwork, RrdbShape
from tests.golden_models import GoldenModels, family_weights, file_weights, recorded
from tests.recorded_pipelines import NODES
from tests.tiny_vae_files import tiny_autoencoder
from tests.unit.nodes.recording_context import RecordingContext

FOLDERS = {"golden_sd1": "checkpoints", "up": "upscale_models", "text": "text_encoders"}
FOLDERS |= {"text_2": "text_encoders", "taesd_encoder": "vae_approx", "taesd_decoder": "vae_approx"}


@dataclass(frozen=True)
class Load:
    """A node that reads files, its inputs without ends of file names, and what of them are files."""

    node: str
    inputs: dict[str, Any]
    files: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.node}-{self.files[0]}"


def load(node: str, file: str, **inputs: Any) -> Load:
    """A node whose first input with a menu is the only file."""
    name = next(each.name for each in NODES[node].schema.inputs if each.choices_from)
    return Load(node, {name: file, **inputs}, (file,))


LOADS = (
    load("CheckpointLoaderSimple", "golden_sd1"),
    load("UNETLoader", "golden_sd1_unet", weight_dtype="default"),
    load("CLIPLoader", "text", type="stable_diffusion"),
    Load(
        "DualCLIPLoader", {"clip_name1": "text", "clip_name2": "text_2", "type": "sdxl"}, ("text", "text_2")
    ),
    load("VAELoader", "golden_vae"),
    Load("VAELoader", {"vae_name": "taesd"}, ("taesd_encoder", "taesd_decoder")),
    load("UpscaleModelLoader", "up"),
    load("GLIGENLoader", "golden_gligen"),
    load("ControlNetLoader", "golden_sd1_control"),
    load("ControlNetLoader", "golden_sd1_control_shuffle"),
    load("ControlNetLoader", "golden_sd1_t2i"),
    load("ControlNetLoader", "golden_sd1_controllora"),
    load("DiffControlNetLoader", "golden_sd1_control_diff"),
    load("LoraLoader", "golden_sd1_kohya_ldm", strength_model=0.7, strength_clip=0.4),
    load("LoraLoaderModelOnly", "golden_sd1_dora_out", strength_model=0.7),
)


@cache
def tensors(file: str) -> dict[str, Tensor]:
    """What a file holds."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 1, "intermediate_size": 64}
    match file:
        case "golden_sd1":
            return family_weights("sd1")
        case "text":
            return CLIPTextModel(CLIPTextConfig(hidden_size=32, **sizes)).state_dict()
        case "text_2":
            config = CLIPTextConfig(hidden_size=64, projection_dim=64, **sizes)
            return CLIPTextModelWithProjection(config).state_dict()
        case "up":
            network = RrdbNetwork(RrdbShape(width=8, growth=4, blocks=1, doublings=1))
            return {f"params_ema.{name}": tensor for name, tensor in network.state_dict().items()}
        case "taesd_encoder" | "taesd_decoder":
            names = tiny_autoencoder().state_dict().items()
            return {name: tensor for name, tensor in names if name.startswith(file.removeprefix("taesd_"))}
        case _:
            return file_weights(f"{file}.safetensors")


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path)


@pytest.mark.parametrize("case", LOADS, ids=str)
def test_pickles_are_refused_with_both_ways_out(
    golden_models: GoldenModels, context: RecordingContext, case: Load
) -> None:
    for pickled in case.files:
        ends = {name: ".pt" if name == pickled else ".safetensors" for name in case.files}
        written(context, ends)

        with pytest.raises(PickleRefused, match=r"comfy-creator convert .*--allow-pickle"):
            outputs(context, case, ends, golden_models)

        for name, end in ends.items():
            path_of(context, name, end).unlink()


@pytest.mark.parametrize("case", LOADS, ids=str)
def test_pickles_give_the_same_where_they_are_allowed(
    golden_models: GoldenModels, context: RecordingContext, case: Load
) -> None:
    plain, pickled = (dict.fromkeys(case.files, end) for end in (".safetensors", ".pt"))
    written(context, plain)
    expected = outputs(context, case, plain, golden_models)
    for name in case.files:
        path_of(context, name, ".safetensors").unlink()
    written(context, pickled)
    context.models = ModelStore(torch.device("cpu"), pickles=Pickles(copies=context.folders.base / "copies"))

    seen = outputs(context, case, pickled, golden_models)

    assert len(seen) == len(expected) > 2
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(seen, expected, strict=True))


@pytest.mark.parametrize("case", LOADS[-4::3], ids=str)
def test_converted_files_give_the_same(
    golden_models: GoldenModels, context: RecordingContext, case: Load
) -> None:
    plain = dict.fromkeys(case.files, ".safetensors")
    written(context, plain)
    expected = outputs(context, case, plain, golden_models)
    for name in case.files:
        path_of(context, name, ".safetensors").unlink()
    written(context, dict.fromkeys(case.files, ".pt"))
    for name in case.files:
        convert_file(path_of(context, name, ".pt"))
    context.models = ModelStore(torch.device("cpu"))

    seen = outputs(context, case, plain, golden_models)

    assert all(torch.equal(ours, theirs) for ours, theirs in zip(seen, expected, strict=True))


def written(context: RecordingContext, ends: Mapping[str, str]) -> None:
    for name, end in ends.items():
        path = path_of(context, name, end)
        path.parent.mkdir(parents=True, exist_ok=True)
        if end == ".pt":
            torch.save({"state_dict": tensors(name), "epoch": 3}, path)
        else:
            save_file({key: each.contiguous() for key, each in tensors(name).items()}, path)


def path_of(context: RecordingContext, name: str, end: str) -> Path:
    folder = FOLDERS.get(name) or recorded()["files"][f"{name}.safetensors"]["folder"]
    return context.folders.base / "models" / folder / f"{name}{end}"


def outputs(
    context: RecordingContext, case: Load, ends: Mapping[str, str], golden_models: GoldenModels
) -> list[Tensor]:
    """All numbers in what the node gives."""
    inputs = {
        name: f"{value}{ends[value]}" if value in ends else value for name, value in case.inputs.items()
    }
    golden_models.path("golden_sd1.safetensors")
    loader = NODES["CheckpointLoaderSimple"]
    base = loader.run(golden_models.context(), ckpt_name="golden_sd1.safetensors")
    assert isinstance(base, tuple)
    for declared in NODES[case.node].schema.inputs:
        if declared.type in ("MODEL", "CLIP"):
            inputs[declared.name] = base[("MODEL", "CLIP").index(declared.type)]
    return list(numbers(NODES[case.node].run(context, **inputs), set()))


def numbers(value: Any, seen: set[int]) -> Iterator[Tensor]:
    """Tensors and switches in a value, in the order of its parts."""
    if id(value) in seen:
        return
    seen.add(id(value))
    match value:
        case Tensor():
            yield value
        case bool():
            yield torch.tensor(value)
        case nn.Module():
            yield from (each for _, each in sorted(value.state_dict().items()))
        case Mapping():
            for key in sorted(value, key=str):
                yield from numbers(value[key], seen)
        case list() | tuple():
            for each in value:
                yield from numbers(each, seen)
        case _ if type(value).__module__.startswith("app.") and hasattr(value, "__dict__"):
            for each in vars(value).values():
                yield from numbers(each, seen)
        case _:
            pass
