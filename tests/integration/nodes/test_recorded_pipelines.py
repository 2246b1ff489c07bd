"""Whole prompts against numbers recorded from ComfyUI, on tiny checkpoints made by formula.

The record's `_doc` tells how weights, pictures and numbers are made; every number listed there is compared.
"""

from typing import Any

import pytest
import torch

from app.inference.hooks import NO_NETWORK_HOOKS
from app.inference.models.checkpoint import Checkpoint, load_checkpoint
from app.inference.samplers.registry import SAMPLERS
from app.inference.schedules import SCHEDULERS
from tests.golden_models import GoldenModels, random_tensor, recorded, weight
from tests.recorded_pipelines import Case, PipelineRunner, all_cases, assert_tensor, has_nodes
from tests.unit.inference.toy_model import one_call

FAMILIES = ("sd1",)
REFUSED = "GITSScheduler"  # its levels were fitted on a model; see test_recorded_schedules.py
OTHER_ON_PURPOSE = "lora peft_unet"  # keys that ComfyUI ignores are applied here; test_recorded_loras.py
NOT_YET = "embedding:"  # names of textual inversions in prompts
IDEOGRAPHS = "日本語"  # split otherwise by the recorder's tokenizer; the token records allow both ways


def runs_here(case: Case) -> bool:
    """Whether nodes, samplers, schedulers and texts of the case are among what runs with equal results."""
    nodes = case.prompt.values()
    values = {name: {node["inputs"].get(name) for node in nodes} for name in ("sampler_name", "scheduler")}
    return (
        has_nodes(case)
        and REFUSED not in case.node_classes
        and case.name != OTHER_ON_PURPOSE
        and values["sampler_name"] <= {None, *SAMPLERS}
        and values["scheduler"] <= {None, *SCHEDULERS}
        and not any(NOT_YET in text for text in case.texts)
    )


DIFFERS = {  # cases that record a defect; other tests cover them
    "sd1: EasyCache 0.3, 6 steps": "skipped entries get the sum of what all entries add, not their own",
}

CASES = [case for case in all_cases(FAMILIES) if runs_here(case) and str(case) not in DIFFERS]
TEXTS = [
    (family, entry)
    for family in FAMILIES
    for entry in recorded()["families"][family].get("text", [])
    if IDEOGRAPHS not in entry["prompt"]
]


def loaded(models: GoldenModels, family: str) -> Checkpoint:
    """The family's checkpoint; loaded once."""
    return models.context().models.get("checkpoint", models.checkpoint(family), load_checkpoint)


def test_enough_cases_run() -> None:
    assert len(CASES) >= 50
    assert len(TEXTS) >= 8


@pytest.mark.parametrize("probe", recorded()["weight_probes"], ids=lambda probe: probe["key"])
def test_formula_gives_the_recorded_weights(probe: dict[str, Any]) -> None:
    made = weight(probe["salt"], probe["key"], probe["shape"])

    assert made.flatten()[:4].tolist() == pytest.approx(probe["first4"], rel=1e-6)
    assert made.double().sum().item() == pytest.approx(probe["sum"], rel=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_prompt_gives_the_recorded_numbers(pipelines: PipelineRunner, case: Case) -> None:
    pipelines.check(case)


@pytest.mark.parametrize(("family", "entry"), TEXTS, ids=lambda value: str(value)[:40])
def test_text_gives_the_recorded_states(
    golden_models: GoldenModels, family: str, entry: dict[str, Any]
) -> None:
    clip = loaded(golden_models, family).text_encoder
    assert clip is not None

    (encoded,) = clip.encode(entry["prompt"])

    assert_tensor(encoded.tokens, entry["cond"])
    assert encoded.pooled is not None
    assert_tensor(encoded.pooled, entry["pooled"])


@pytest.mark.parametrize("family", FAMILIES)
def test_unet_gives_the_recorded_outputs(golden_models: GoldenModels, family: str) -> None:
    checkpoint = loaded(golden_models, family)
    model, clip = checkpoint.diffusion_model, checkpoint.text_encoder
    assert clip is not None
    for case in recorded()["families"][family]["unet"]:
        x = random_tensor(case["x"])
        tokens = clip.encode(case["context"])[0].tokens.expand(len(x), -1, -1)
        with torch.inference_mode():
            output = model.network(
                x,
                torch.tensor([float(case["timestep"])]).expand(len(x)),
                tokens,
                None,
                one_call(torch.tensor(1.0), model.model_sampling),
                NO_NETWORK_HOOKS,
            )
        assert_tensor(output, case["out"])


def test_vae_gives_the_recorded_pictures_and_latents(golden_models: GoldenModels) -> None:
    vae = loaded(golden_models, "sd1").vae
    assert vae is not None
    for case in recorded()["families"]["sd1"]["vae"]["decode"]:
        assert_tensor(vae.decode(random_tensor(case["z"])), case["image"])
    for case in recorded()["families"]["sd1"]["vae"]["encode"]:
        assert_tensor(vae.encode(random_tensor(case["pixels"])), case["latent"])
