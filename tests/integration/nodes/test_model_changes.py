"""Nodes that change a model: every input counts, the model before the node stays, and they go together."""

import json
import logging
from typing import Any

import pytest
import torch
from torch import Tensor

from app.inference.models.unet.compiled import CompiledUNet
from app.inference.network_changes import easy_cache
from tests.recorded_pipelines import NODES, Case, PipelineRunner, assert_output

Prompt = dict[str, Any]
Link = list[str | int]

MODEL: Link = ["1", 0]
EMPTY_TEXT: Link = ["7", 0]

BASE: dict[str, dict[str, Any]] = {
    "APG": {"eta": 0.5, "norm_threshold": 15.0, "momentum": 0.3},
    "CFGNorm": {"strength": 0.9},
    "CFGZeroStar": {},
    "EasyCache": {"reuse_threshold": 1.0, "start_percent": 0.0, "end_percent": 1.0, "verbose": False},
    "Epsilon Scaling": {"scaling_factor": 1.02},
    "FreSca": {"scale_low": 0.9, "scale_high": 1.4, "freq_cutoff": 3},
    "FreeU": {"b1": 1.1, "b2": 1.2, "s1": 0.9, "s2": 0.2},
    "FreeU_V2": {"b1": 1.3, "b2": 1.4, "s1": 0.9, "s2": 0.2},
    "HyperTile": {"tile_size": 32, "swap_size": 3, "max_depth": 1, "scale_depth": False},
    "Mahiro": {},
    "PatchModelAddDownscale": {
        "block_number": 3,
        "downscale_factor": 2.0,
        "start_percent": 0.0,
        "end_percent": 0.4,
        "downscale_after_skip": True,
        "downscale_method": "bicubic",
        "upscale_method": "bicubic",
    },
    "PerpNeg": {"empty_conditioning": EMPTY_TEXT, "neg_scale": 1.0},
    "PerturbedAttentionGuidance": {"scale": 3.0},
    "RenormCFG": {"cfg_trunc": 100.0, "renorm_cfg": 1.0},
    "RescaleCFG": {"multiplier": 0.7},
    "SelfAttentionGuidance": {"scale": 0.5, "blur_sigma": 2.0},
    "TCFG": {},
    "TomePatchModel": {"ratio": 0.5},
}
OTHER: dict[str, dict[str, Any]] = {
    "APG": {"eta": 1.0, "norm_threshold": 3.0, "momentum": 0.0},
    "CFGNorm": {"strength": 1.1},
    "EasyCache": {"reuse_threshold": 0.0, "start_percent": 0.9, "end_percent": 0.1},
    "Epsilon Scaling": {"scaling_factor": 0.98},
    "FreSca": {"scale_low": 1.2, "scale_high": 0.7, "freq_cutoff": 5},
    "FreeU": {"b1": 1.5, "b2": 1.5, "s1": 0.5, "s2": 0.5},
    "FreeU_V2": {"b1": 1.5, "b2": 1.5, "s1": 0.5, "s2": 0.5},
    "HyperTile": {"tile_size": 64, "swap_size": 1, "max_depth": 0, "scale_depth": True},
    "PatchModelAddDownscale": {
        "block_number": 4,
        "downscale_factor": 1.5,
        "start_percent": 0.3,
        "end_percent": 0.9,
        "downscale_after_skip": False,
        "downscale_method": "area",
        "upscale_method": "bislerp",
    },
    "PerpNeg": {"empty_conditioning": ["2", 0], "neg_scale": 0.5},
    "PerturbedAttentionGuidance": {"scale": 1.0},
    "RenormCFG": {"cfg_trunc": 5.0, "renorm_cfg": 1.5},
    "RescaleCFG": {"multiplier": 0.2},
    "SelfAttentionGuidance": {"scale": -0.5, "blur_sigma": 0.5},
    "TomePatchModel": {"ratio": 0.2},
}
INPUTS = [(node, name) for node, values in OTHER.items() for name in values]


def prompt(*nodes: tuple[str, dict[str, Any]], cfg: float = 7.0, steps: int = 3) -> Prompt:
    """Text to picture on a model that goes through the nodes one after the other."""
    made: Prompt = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "golden_sd1.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "a photo of a red cat"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "blurry, bad quality"}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": ""}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 128, "height": 64, "batch_size": 1}},
    }
    model: Link = MODEL
    for number, (node, inputs) in enumerate(nodes, start=10):
        made[str(number)] = {"class_type": node, "inputs": {"model": model, **inputs}}
        model = [str(number), 0]
    made["6"] = {
        "class_type": "KSampler",
        "inputs": {
            "model": model,
            "positive": ["2", 0],
            "negative": ["3", 0],
            "latent_image": ["4", 0],
            "seed": 42,
            "steps": steps,
            "cfg": cfg,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    }
    return made


_sampled: dict[str, Tensor] = {}


def sampled(pipelines: PipelineRunner, made: Prompt) -> Tensor:
    """The prompt's latent; equal prompts are run once."""
    key = json.dumps(made)
    if key not in _sampled:
        _sampled[key] = sampled_again(pipelines, made)
    return _sampled[key]


def sampled_again(pipelines: PipelineRunner, made: Prompt) -> Tensor:
    return pipelines.run(made, ["6"])["6"].samples


def far_apart(a: Tensor, b: Tensor) -> bool:
    return ((a - b).norm() / b.norm()).item() > 1e-4


@pytest.fixture(scope="module")
def plain(pipelines: PipelineRunner) -> Tensor:
    return sampled(pipelines, prompt())


def test_every_input_is_tried() -> None:
    declared = {
        (node, each.name)
        for node in BASE
        for each in NODES[node].schema.inputs
        if each.name not in ("model", "verbose")
    }

    assert declared == set(INPUTS)


@pytest.mark.parametrize("node", BASE)
def test_node_changes_the_picture(pipelines: PipelineRunner, plain: Tensor, node: str) -> None:
    changed = sampled(pipelines, prompt((node, BASE[node])))

    assert changed.isfinite().all()
    assert far_apart(changed, plain)


def test_model_before_the_nodes_stays_as_it_was(pipelines: PipelineRunner, plain: Tensor) -> None:
    everything = prompt(*BASE.items())
    assert far_apart(sampled_again(pipelines, everything), plain)

    assert torch.equal(sampled_again(pipelines, prompt()), plain)


@pytest.mark.parametrize(("node", "name"), INPUTS)
def test_input_changes_the_picture(pipelines: PipelineRunner, node: str, name: str) -> None:
    before = sampled(pipelines, prompt((node, BASE[node])))
    after = sampled(pipelines, prompt((node, {**BASE[node], name: OTHER[node][name]})))

    assert far_apart(after, before)


@pytest.mark.parametrize("node", ["APG", "EasyCache", "HyperTile", "SelfAttentionGuidance", "TomePatchModel"])
def test_nothing_is_carried_over_from_run_to_run(pipelines: PipelineRunner, node: str) -> None:
    first = sampled(pipelines, prompt((node, BASE[node])))

    assert torch.equal(sampled_again(pipelines, prompt((node, BASE[node]))), first)


@pytest.mark.parametrize(
    "nodes",
    [
        ("FreeU", "PerturbedAttentionGuidance"),
        ("SelfAttentionGuidance", "PerturbedAttentionGuidance", "FreeU_V2"),
        ("PatchModelAddDownscale", "HyperTile", "RescaleCFG", "CFGNorm"),
        ("APG", "FreSca", "TCFG", "Mahiro", "CFGZeroStar", "Epsilon Scaling"),
        ("EasyCache", "PerpNeg", "SelfAttentionGuidance"),
    ],
    ids="+".join,
)
def test_nodes_go_together_and_each_counts(pipelines: PipelineRunner, nodes: tuple[str, ...]) -> None:
    together = sampled(pipelines, prompt(*((node, BASE[node]) for node in nodes)))

    assert together.isfinite().all()
    for left_out in nodes:
        rest = [(node, BASE[node]) for node in nodes if node != left_out]
        assert far_apart(sampled(pipelines, prompt(*rest)), together), left_out


@pytest.mark.parametrize(
    ("first", "second"), [("HyperTile", "TomePatchModel"), ("TomePatchModel", "HyperTile")]
)
def test_of_two_nodes_that_cut_tokens_the_first_one_acts_where_both_could(
    pipelines: PipelineRunner, first: str, second: str
) -> None:
    shallow = {"HyperTile": {**BASE["HyperTile"], "max_depth": 0}, "TomePatchModel": {"ratio": 0.5}}

    both = sampled(pipelines, prompt((first, shallow[first]), (second, shallow[second])))

    assert torch.equal(both, sampled(pipelines, prompt((first, shallow[first]))))


def test_order_of_nodes_after_guidance_is_the_order_in_which_they_act(pipelines: PipelineRunner) -> None:
    norm, scaling = ("CFGNorm", {"strength": 0.5}), ("Epsilon Scaling", {"scaling_factor": 1.1})

    one_way = sampled(pipelines, prompt(norm, scaling))
    other_way = sampled(pipelines, prompt(scaling, norm))

    assert far_apart(one_way, other_way)


def test_of_two_nodes_that_replace_guidance_the_last_one_counts(pipelines: PipelineRunner) -> None:
    rescale, renorm = ("RescaleCFG", {"multiplier": 0.7}), ("RenormCFG", BASE["RenormCFG"])

    both = sampled(pipelines, prompt(rescale, renorm))

    assert torch.equal(both, sampled(pipelines, prompt(renorm)))


@pytest.mark.parametrize("node", ["APG", "FreSca", "TCFG"])
def test_rules_for_two_sides_change_nothing_at_cfg_one(pipelines: PipelineRunner, node: str) -> None:
    assert torch.equal(
        sampled(pipelines, prompt((node, BASE[node]), cfg=1.0)), sampled(pipelines, prompt(cfg=1.0))
    )


@pytest.mark.parametrize("backend", ["inductor", "cudagraphs"])
def test_compiling_is_prepared_for_the_backend_and_leaves_the_model_as_it_was(
    pipelines: PipelineRunner, backend: str
) -> None:
    made = prompt(("TorchCompileModel", {"backend": backend}))
    results = pipelines.run(made, ["1", "10"])

    assert isinstance(results["10"].network, CompiledUNet)
    assert results["10"].network.backend == backend
    assert not isinstance(results["1"].network, CompiledUNet)


def test_self_attention_guidance_without_blur_changes_nothing(
    pipelines: PipelineRunner, plain: Tensor
) -> None:
    unblurred = ("SelfAttentionGuidance", {"scale": 0.5, "blur_sigma": 0.0})

    assert torch.equal(sampled(pipelines, prompt(unblurred)), plain)


@pytest.mark.parametrize("recorded", ["DifferentialDiffusion", "DifferentialDiffusion strength 0.5"], ids=str)
def test_differential_diffusion_depends_on_its_strength(pipelines: PipelineRunner, recorded: str) -> None:
    made = Case("sd1", recorded).prompt
    (node,) = (name for name, each in made.items() if each["class_type"] == "DifferentialDiffusion")
    (output,) = Case("sd1", recorded).record["expect"]
    first = pipelines.run(made, [output])[output].samples

    made[node]["inputs"]["strength"] = 0.2
    second = pipelines.run(made, [output])[output].samples

    assert far_apart(first, second)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("cfg", 3.0),
        ("neg_scale", 0.2),
        ("positive", ["3", 0]),
        ("negative", ["2", 0]),
        ("empty_conditioning", ["3", 0]),
    ],
)
def test_perp_neg_guider_depends_on_every_input(pipelines: PipelineRunner, name: str, other: Any) -> None:
    made = Case("sd1", "PerpNegGuider 1.0").prompt
    (node,) = (key for key, each in made.items() if each["class_type"] == "PerpNegGuider")
    before = pipelines.run(made, ["10"])["10"].samples

    made[node]["inputs"][name] = other

    assert far_apart(pipelines.run(made, ["10"])["10"].samples, before)


def test_hooks_after_guidance_act_on_the_perp_neg_guider_as_well(pipelines: PipelineRunner) -> None:
    made = Case("sd1", "PerpNegGuider 1.0").prompt
    (node,) = (key for key, each in made.items() if each["class_type"] == "PerpNegGuider")
    before = pipelines.run(made, ["10"])["10"].samples

    made["20"] = {"class_type": "CFGNorm", "inputs": {"model": ["1", 0], "strength": 0.9}}
    made[node]["inputs"]["model"] = ["20", 0]

    assert far_apart(pipelines.run(made, ["10"])["10"].samples, before)


def test_easy_cache_tells_what_it_does_when_asked(
    pipelines: PipelineRunner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sampled_again(pipelines, prompt(("EasyCache", BASE["EasyCache"])))
    assert caplog.messages == []

    sampled(pipelines, prompt(("EasyCache", {**BASE["EasyCache"], "verbose": True})))

    assert any("skips" in message for message in caplog.messages)
    assert any("computes" in message for message in caplog.messages)


def test_easy_cache_decides_as_recorded(pipelines: PipelineRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record gives every entry the sum of what all entries add; with that the numbers are the same."""

    def summed(cache: Any, x: Tensor, call: Any) -> Tensor:
        total = torch.stack([cache.added[entry] for entry in call.entries]).sum(dim=0)
        return x + total.repeat(len(call.entries), 1, 1, 1)

    monkeypatch.setattr(easy_cache.Cache, "answer", summed)
    case = Case("sd1", "EasyCache 0.3, 6 steps")
    (place,) = case.record["expect"]

    result = pipelines.run(case.prompt, [place])[place]

    assert_output(result, case.record["expect"][place])
