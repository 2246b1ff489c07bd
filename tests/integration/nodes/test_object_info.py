"""GET /object_info against what ComfyUI answers for each core node: what clients and workflows rely on.

Menus of files are compared with the files that lie in the folders.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.api.auth import AccessPolicy
from app.nodes import other_families
from app.nodes.registry import builtin_nodes
from tests.integration.nodes.recorded_nodes.cases import GOLDEN
from tests.integration.security.running_app import serving

RECORD: dict[str, Any] = json.loads((GOLDEN / "core-nodes.json").read_text(encoding="utf-8"))
NODES: dict[str, dict[str, Any]] = {each["class_type"]: each for each in RECORD["nodes"]}
LISTS: dict[str, list[str]] = RECORD["lists"]
ABOUT = {"name", "type", "required", "options", "options_from"}  # what is not an option of the input itself
OUR_OWN = {"tooltip"}  # texts that the record leaves out
FLAGS = ("deprecated", "experimental")

FOLDERS = ("checkpoints", "clip_vision", "controlnet", "diffusion_models", "gligen", "hypernetworks", "loras")
FOLDERS += ("model_patches", "photomaker", "style_models", "text_encoders", "upscale_models", "vae")
FILES = {
    **{f"models/{key}/{key} ü.safetensors": f"{key} ü.safetensors" for key in FOLDERS},
    "models/configs/old.yaml": "old.yaml",
    "models/diffusers/a model/model_index.json": "a model",
    "models/vae_approx/taesd_encoder.safetensors": "",
    "models/vae_approx/taesd_decoder.safetensors": "",
    "input/picture.png": "picture.png",
    "input/saved.latent": "saved.latent",
    "output/made.png": "made.png",
}
MENUS = {key: [f"{key} ü.safetensors"] for key in FOLDERS} | {
    "configs": ["old.yaml"],
    "diffusers": ["a model"],
    "input dir (images)": ["picture.png"],
    "input dir (all files)": ["picture.png", "saved.latent"],
    "input dir (*.latent)": ["saved.latent"],
    "output dir (remote)": ["made.png [output]"],
}
SHIPPED = ("comfy-creator-demo.safetensors", "example-shape.png")
VAE_MENU = ["vae ü.safetensors", "taesd", "pixel_space"]


async def _answer(base: Path) -> dict[str, Any]:
    async with serving(base, AccessPolicy()) as running:
        for name in FILES:
            path = running.folders.base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        running.app.state.services.catalog.replace(node.schema for node in builtin_nodes().values())
        return (await running.http.get("/object_info")).json()


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The whole answer."""
    return asyncio.run(_answer(tmp_path_factory.mktemp("object_info")))


def test_every_recorded_class_is_there() -> None:
    assert len(NODES) == 232
    assert NODES.keys() == builtin_nodes().keys() & NODES.keys()


@pytest.mark.parametrize("class_type", NODES)
def test_names_flags_and_outputs_are_the_recorded_ones(info: dict[str, Any], class_type: str) -> None:
    ours, theirs = info[class_type], NODES[class_type]

    assert ours["name"] == class_type
    assert (ours["display_name"], ours["category"]) == (theirs["display_name"], theirs["category"])
    assert (ours["python_module"], ours["output_node"]) == (theirs["module"], theirs["output_node"])
    assert [ours.get(flag, False) for flag in FLAGS] == [theirs.get(flag, False) for flag in FLAGS]
    outputs = zip(ours["output"], ours["output_name"], ours["output_is_list"], strict=True)
    assert list(outputs) == [(each["type"], each["name"], each["is_list"]) for each in theirs["outputs"]]


@pytest.mark.parametrize("class_type", NODES)
def test_inputs_are_the_recorded_ones_in_their_order(info: dict[str, Any], class_type: str) -> None:
    ours, theirs = info[class_type], NODES[class_type]

    wanted = {
        "required": [each["name"] for each in theirs["inputs"] if each["required"]],
        "optional": [each["name"] for each in theirs["inputs"] if not each["required"]],
        "hidden": list(theirs.get("hidden", {})),
    }
    sections = {name: names for name, names in wanted.items() if names or name == "required"}
    assert ours["input_order"] == sections
    assert {name: list(each) for name, each in ours["input"].items()} == sections
    hidden = {name: kind if isinstance(kind, str) else kind[0] for name, kind in _hidden(ours).items()}
    assert hidden == theirs.get("hidden", {})


@pytest.mark.parametrize("class_type", NODES)
def test_types_menus_and_ranges_are_the_recorded_ones(info: dict[str, Any], class_type: str) -> None:
    for theirs in NODES[class_type]["inputs"]:
        section = "required" if theirs["required"] else "optional"
        kind, options = _taken_apart(info[class_type]["input"][section][theirs["name"]])

        if theirs["type"] == "COMBO":
            assert [each for each in kind if each not in SHIPPED] == _menu(theirs), theirs["name"]
        else:
            assert kind == theirs["type"], theirs["name"]
        recorded = {key: each for key, each in theirs.items() if key not in ABOUT}
        assert {key: each for key, each in options.items() if key not in OUR_OWN} == recorded, theirs["name"]


def test_nodes_of_families_that_cannot_run_name_the_family(info: dict[str, Any]) -> None:
    named = {name: each["unsupported_family"] for name, each in info.items() if "unsupported_family" in each}

    assert named["FluxGuidance"] == "Flux"
    assert named == {each.schema.class_type: each.schema.unsupported_family for each in other_families.NODES}


def _hidden(entry: dict[str, Any]) -> dict[str, Any]:
    return entry["input"].get("hidden", {})


def _taken_apart(declared: list[Any]) -> tuple[Any, dict[str, Any]]:
    """Type or menu, and options, of an input in either shape."""
    kind, options = declared[0], dict(declared[1]) if len(declared) > 1 else {}
    return (options.pop("options") if kind == "COMBO" else kind), options


def _menu(theirs: dict[str, Any]) -> list[Any]:
    options = theirs["options"]
    if options is None:
        source = theirs["options_from"]
        return VAE_MENU if source.startswith("vae folder") else MENUS[source]
    return LISTS[options] if isinstance(options, str) else options
