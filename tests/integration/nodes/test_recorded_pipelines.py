"""Whole prompts against numbers recorded from ComfyUI, on tiny checkpoints made by formula.

The record's `_doc` tells how weights, pictures and numbers are made; every number listed there is compared.
"""

import re
from typing import Any

import pytest
import torch

from app.inference.conditioning.entry import CondEntry, PictureSize
from app.inference.hooks.network import NO_NETWORK_HOOKS
from app.inference.models.checkpoint import Checkpoint, load_checkpoint
from tests.golden_models import GoldenModels, random_tensor, recorded, weight
from tests.recorded_pipelines import Case, PipelineRunner, all_cases, assert_tensor
from tests.unit.inference.toy_model import one_call

FAMILIES = tuple(recorded()["families"])
WITH_TEXTS = tuple(family for family in FAMILIES if "text" in recorded()["families"][family])
WITH_UNET = tuple(family for family in FAMILIES if "unet" in recorded()["families"][family])
IDEOGRAPH = re.compile(r"([\u4e00-\u9fff])")


ELSEWHERE = {
    "sd1: EasyCache 0.3, 6 steps": "a defect: skipped entries get the sum of all; test_model_changes.py",
    "sd1: ModelSamplingContinuousV": "no such node here; test_recorded_prompts_by_hand.py",
    "sd1: custom SamplerEulerCFGpp alternative": "no such node here; test_recorded_prompts_by_hand.py",
    "sd1: custom GITSScheduler": "levels that are not there; refused in test_recorded_schedules.py",
    "sd1: lora peft_unet": "keys that ComfyUI ignores are applied here; test_recorded_loras.py",
    "sdxl: lora peft_unet": "keys that ComfyUI ignores are applied here; test_recorded_loras.py",
}
"""Recorded cases that do not run here as they stand, with the reason and the test that covers them."""

CASES = [case for case in all_cases(FAMILIES) if str(case) not in ELSEWHERE]
TEXTS = [(family, entry) for family in WITH_TEXTS for entry in recorded()["families"][family]["text"]]
ADM = [(family, entry) for family in WITH_TEXTS for entry in recorded()["families"][family].get("adm", [])]


def loaded(models: GoldenModels, family: str) -> Checkpoint:
    """The family's checkpoint; loaded once."""
    return models.context().models.get("checkpoint", models.checkpoint(family), load_checkpoint)


def as_the_recorder_reads(prompt: str) -> str:
    """Its tokenizer package made every ideograph a word; the token records allow that and joined words."""
    return IDEOGRAPH.sub(r" \1 ", prompt)


def test_every_recorded_case_runs_here_or_is_covered_elsewhere() -> None:
    assert len(CASES) + len(ELSEWHERE) == len(all_cases()) == 463
    assert {str(case) for case in all_cases()} > ELSEWHERE.keys()
    assert len(TEXTS) == 36


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

    (encoded,) = clip.encode(as_the_recorder_reads(entry["prompt"]))

    assert_tensor(encoded.tokens, entry["cond"])
    assert encoded.pooled is not None
    assert_tensor(encoded.pooled, entry["pooled"])


@pytest.mark.parametrize("family", WITH_UNET)
def test_unet_gives_the_recorded_outputs(golden_models: GoldenModels, family: str) -> None:
    checkpoint = loaded(golden_models, family)
    model, clip = checkpoint.diffusion_model, checkpoint.text_encoder
    assert clip is not None
    for case in recorded()["families"][family]["unet"]:
        x = random_tensor(case["x"])
        tokens = clip.encode(case["context"])[0].tokens.expand(len(x), -1, -1)
        with torch.inference_mode(), model.at_work():
            output = model.network(
                x,
                torch.tensor([float(case["timestep"])]).expand(len(x)),
                tokens,
                random_tensor(case["y"]) if "y" in case else None,
                one_call(torch.tensor(1.0), model.model_sampling),
                NO_NETWORK_HOOKS,
            )
        assert_tensor(output, case["out"])


@pytest.mark.parametrize(("family", "entry"), ADM, ids=lambda value: str(value)[:60])
def test_size_vector_is_the_recorded_one(
    golden_models: GoldenModels, family: str, entry: dict[str, Any]
) -> None:
    given = {} if isinstance(entry["given"], str) else dict(entry["given"])
    negative = given.pop("prompt_type", "positive") == "negative"
    score = given.pop("aesthetic_score", None)
    cond = CondEntry(
        tokens=torch.zeros(1, 77, 1),
        pooled=random_tensor(entry["pooled"]),
        size=PictureSize(**given) if given else None,
        aesthetic_score=score,
    )

    inputs = loaded(golden_models, family).diffusion_model.inputs
    vector = inputs.label_vector(cond, negative=negative, height=16, width=24)

    assert vector is not None
    assert_tensor(vector, entry["y"])


@pytest.mark.parametrize(
    ("family", "label", "picture", "edit_scale", "scale"),
    [
        ("sd1", "none", "none", 1.0, 0.18215),
        ("sd1_inpaint", "none", "inpaint", 1.0, 0.18215),
        ("sd1_ip2p", "none", "edit", 1.0, 0.18215),
        ("sd2", "none", "none", 1.0, 0.18215),
        ("sdxl", "sdxl", "none", 1.0, 0.13025),
        ("sdxl_inpaint", "sdxl", "inpaint", 1.0, 0.13025),
        ("sdxl_edm_vpred", "sdxl", "none", 0.13025, 0.13025),
        ("refiner", "refiner", "none", 1.0, 0.13025),
    ],
)
def test_families_are_told_by_their_tensors(
    golden_models: GoldenModels, family: str, label: str, picture: str, edit_scale: float, scale: float
) -> None:
    model = loaded(golden_models, family).diffusion_model

    assert (model.inputs.label, model.inputs.picture) == (label, picture)
    assert model.inputs.edit_scale == edit_scale
    assert model.latent_format.process_in(torch.ones(1, 4, 1, 1)).unique().tolist() == pytest.approx([scale])


@pytest.mark.parametrize(
    ("family", "sigma_max", "output"),
    [
        ("sd2", 14.614641, "noise"),
        ("sd2_v", 14.614641, "velocity"),
        ("sdxl", 14.614641, "noise"),
        ("sdxl_vpred_zsnr", 4518.76, "velocity"),
        ("sdxl_edm_vpred", 120.0, "velocity"),
        ("sdxl_playground", 80.0, "edm"),
    ],
)
def test_meaning_of_the_output_is_told_by_markers(
    golden_models: GoldenModels, family: str, sigma_max: float, output: str
) -> None:
    sampling = loaded(golden_models, family).diffusion_model.model_sampling
    x, sigma, raw = torch.tensor(2.0), torch.tensor(3.0), torch.tensor(0.5)

    expected = {
        "noise": x - sigma * raw,
        "velocity": x / (sigma**2 + 1) - sigma * raw / (sigma**2 + 1).sqrt(),
        "edm": x * 0.25 / (sigma**2 + 0.25) + raw * sigma * 0.5 / (sigma**2 + 0.25).sqrt(),
    }[output]
    assert sampling.sigma_max == pytest.approx(sigma_max, rel=1e-5)
    assert sampling.denoised(x, sigma, raw).item() == pytest.approx(expected.item(), rel=1e-6)


def test_playground_has_a_latent_format_of_its_own(golden_models: GoldenModels) -> None:
    latent_format = loaded(golden_models, "sdxl_playground").diffusion_model.latent_format
    latent = torch.randn(2, 4, 3, 3)

    ours = latent_format.process_in(latent)

    expected = (latent[:, 1] - 1.886) * 0.5 / 5.9022
    assert (ours[:, 1] - expected).abs().max() < 1e-6
    assert (latent_format.process_out(ours) - latent).abs().max() < 1e-5


def test_vae_gives_the_recorded_pictures_and_latents(golden_models: GoldenModels) -> None:
    vae = loaded(golden_models, "sd1").vae
    assert vae is not None
    for case in recorded()["families"]["sd1"]["vae"]["decode"]:
        assert_tensor(vae.decode(random_tensor(case["z"])), case["image"])
    for case in recorded()["families"]["sd1"]["vae"]["encode"]:
        assert_tensor(vae.encode(random_tensor(case["pixels"])), case["latent"])
