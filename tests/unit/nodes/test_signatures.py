"""Declarations against ComfyUI's: names, order, types, defaults, ranges and menus that workflows rely on."""

import json
from typing import Any

import pytest

from app.graph.node_schema import InputSchema
from app.inference.samplers.registry import SAMPLERS
from app.inference.schedules.schedulers import SCHEDULERS
from app.nodes.registry import builtin_nodes
from tests.integration.nodes.recorded_nodes.cases import GOLDEN

RECORDED = json.loads((GOLDEN / "core-nodes.json").read_text(encoding="utf-8"))
BY_CLASS: dict[str, dict[str, Any]] = {each["class_type"]: each for each in RECORDED["nodes"]}
NODES = builtin_nodes()
SOURCES = {
    "checkpoints": "models:checkpoints",
    "configs": "models:configs",
    "diffusers": "diffusers_folders",
    "loras": "models:loras",
    "diffusion_models": "models:diffusion_models",
    "controlnet": "models:controlnet",
    "gligen": "models:gligen",
    "hypernetworks": "models:hypernetworks",
    "text_encoders": "models:text_encoders",
    "input dir (images)": "input_images",
    "input dir (all files)": "input_files",
    "input dir (*.latent)": "input_latents",
    "photomaker": "models:photomaker",
    "clip_vision": "models:clip_vision",
    "upscale_models": "models:upscale_models",
    "style_models": "models:style_models",
    "model_patches": "models:model_patches",
    "output dir (remote)": "output_files",
}
OUR_OWN = {"tooltip"}  # texts that the record leaves out
UNRECORDED = {
    "APG",
    "CLIPAttentionMultiply",
    "Epsilon Scaling",
    "FreSca",
    "Mahiro",
    "RenormCFG",
    "TCFG",
    "UNetCrossAttentionMultiply",
    "UNetSelfAttentionMultiply",
}
"""Classes that recorded workflows use, but whose declarations were not recorded."""


@pytest.mark.parametrize("class_type", sorted(NODES.keys() & BY_CLASS))
def test_inputs_are_the_recorded_ones_in_their_order(class_type: str) -> None:
    expected = BY_CLASS[class_type]["inputs"]

    actual = NODES[class_type].schema.inputs

    assert [each.name for each in actual] == [each["name"] for each in expected]
    for ours, theirs in zip(actual, expected, strict=True):
        assert _described(ours) == _recorded(theirs)


@pytest.mark.parametrize("class_type", sorted(NODES.keys() & BY_CLASS))
def test_everything_else_is_as_recorded(class_type: str) -> None:
    expected, schema = BY_CLASS[class_type], NODES[class_type].schema

    outputs = [{"name": each.name, "type": each.type, "is_list": each.is_list} for each in schema.outputs]
    assert outputs == expected["outputs"]
    assert (schema.display_name, schema.category) == (expected["display_name"], expected["category"])
    assert (schema.module, schema.output_node) == (expected["module"], expected["output_node"])
    assert schema.hidden == expected.get("hidden", {})
    assert schema.experimental == expected.get("experimental", False)


def test_every_class_is_recorded_or_listed() -> None:
    assert set(NODES) - set(BY_CLASS) == UNRECORDED


def test_sampler_menus_list_what_runs_in_the_recorded_order() -> None:
    lists = RECORDED["lists"]
    assert list(SAMPLERS) == [each for each in lists["$SAMPLERS"] if each in SAMPLERS]
    assert list(SCHEDULERS) == [each for each in lists["$SCHEDULERS"] if each in SCHEDULERS]
    for class_type in ("KSampler", "KSamplerAdvanced"):
        sampler, scheduler = (NODES[class_type].schema.input(name) for name in ("sampler_name", "scheduler"))
        assert sampler is not None
        assert scheduler is not None
        assert sampler.choices == tuple(SAMPLERS)
        assert scheduler.choices == tuple(SCHEDULERS)


@pytest.mark.parametrize("class_type", sorted(NODES))
def test_every_node_says_what_it_does(class_type: str) -> None:
    assert NODES[class_type].schema.description.endswith(".")


def _described(ours: InputSchema) -> dict[str, Any]:
    described: dict[str, Any] = {
        **{key: each for key, each in ours.options.items() if key not in OUR_OWN},
        "name": ours.name,
        "type": ours.type,
        "required": ours.required,
    }
    if ours.type == "COMBO" and ours.name not in ("sampler_name", "scheduler"):
        described["choices"] = None if ours.choices is None else list(ours.choices)
        described["source"] = ours.choices_from
    return described


def _recorded(theirs: dict[str, Any]) -> dict[str, Any]:
    described = {key: each for key, each in theirs.items() if key not in ("options", "options_from")}
    if theirs["type"] == "COMBO" and theirs["name"] not in ("sampler_name", "scheduler"):
        described["choices"] = theirs["options"]
        source = str(theirs.get("options_from"))
        is_vae = source.startswith("vae folder")
        described["source"] = "vaes" if is_vae else SOURCES.get(source)
    return described
