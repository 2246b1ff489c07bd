"""What must hold in every family: laws of areas, masks, batches and LoRAs that `test_conditioning_effects.py`
and the unit tests of LoRA nodes show on Stable Diffusion 1.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from app.inference.latents.batch import LatentBatch
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.text_encoder import TextEncoder
from app.inference.patches.apply_lora import with_lora
from app.inference.patches.lora_file import LoraFile, open_lora
from tests.recorded_pipelines import Case, PipelineRunner, all_cases

FAMILIES = ("sd2", "sdxl", "refiner")
LORA_FAMILIES = ("sd1", "sdxl")
LORA_CASES = [case for case in all_cases(LORA_FAMILIES) if "patched" in case.record]
CHANGED = 1e-3  # relative distance from which a result counts as another one
LORA_CHANGED = 1e-2
EQUAL = 1e-5
SAMPLER = "5"  # in the plain prompts
WITHOUT_STEP_NOISE = [
    "euler",
    "euler_cfg_pp",
    "heun",
    "heunpp2",
    "dpm_2",
    "lms",
    "dpm_fast",
    "dpmpp_2m",
    "dpmpp_2m_cfg_pp",
    "ipndm",
    "ipndm_v",
    "deis",
    "ddim",
    "uni_pc",
    "uni_pc_bh2",
    "res_multistep",
    "res_multistep_cfg_pp",
    "gradient_estimation",
    "gradient_estimation_cfg_pp",
]
OTHERS = (2.0, 0.2, -1.0, 0.01)  # factors to try on a tensor of a LoRA file


def plain(family: str, **numbers: Any) -> dict[str, Any]:
    """Text to picture, of few steps and few pixels."""
    prompt = Case(family, "plain").prompt
    prompt["4"]["inputs"] |= {"width": 96, "height": 64}
    prompt[SAMPLER]["inputs"] |= {"steps": 2, **numbers}
    return prompt


def sampled(pipelines: PipelineRunner, prompt: dict[str, Any]) -> Tensor:
    result = pipelines.run(prompt, [SAMPLER])[SAMPLER]
    assert isinstance(result, LatentBatch)
    return result.samples


def distance(ours: Tensor, theirs: Tensor) -> float:
    """How far two latents are apart, relative to the second's length."""
    return ((ours - theirs).norm() / theirs.norm()).item()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("name", "other"), [("negative", ["2", 0]), ("positive", ["3", 0])])
def test_both_texts_change_the_picture(
    pipelines: PipelineRunner, family: str, name: str, other: list[Any]
) -> None:
    changed = sampled(pipelines, plain(family, **{name: other}))

    assert distance(changed, sampled(pipelines, plain(family))) > CHANGED


@pytest.mark.parametrize("family", FAMILIES)
def test_two_full_size_areas_with_one_prompt_equal_no_area(pipelines: PipelineRunner, family: str) -> None:
    prompt = plain(family, positive=["both", 0])
    size = {"width": 96, "height": 64, "x": 0, "y": 0}
    for node, strength in (("a", 1.0), ("b", 0.4)):
        inputs = {"conditioning": ["2", 0], "strength": strength, **size}
        prompt[node] = {"class_type": "ConditioningSetArea", "inputs": inputs}
    inputs = {"conditioning_1": ["a", 0], "conditioning_2": ["b", 0]}
    prompt["both"] = {"class_type": "ConditioningCombine", "inputs": inputs}

    assert distance(sampled(pipelines, prompt), sampled(pipelines, plain(family))) < EQUAL


@pytest.mark.parametrize("family", FAMILIES)
def test_source_latent_stays_where_the_noise_mask_is_zero(pipelines: PipelineRunner, family: str) -> None:
    prompt = Case(family, "noise mask inpaint").prompt
    places = {each["class_type"]: node for node, each in prompt.items()}
    source_at, masked_at, result_at = (
        places[name] for name in ("VAEEncode", "SetLatentNoiseMask", "KSampler")
    )

    results = pipelines.run(prompt, [source_at, masked_at, result_at])

    source, result = results[source_at].samples, results[result_at].samples
    mask = interpolate(results[masked_at].noise_mask, size=source.shape[-2:], mode="bilinear")
    kept = (mask == 0).expand_as(source)
    assert 0.3 < kept.float().mean().item() < 0.9
    assert (result - source)[kept].abs().max() < EQUAL * source.abs().max()
    assert distance(result[~kept], source[~kept]) > CHANGED


@pytest.mark.parametrize(
    ("family", "sampler"),
    [("sd1", sampler) for sampler in WITHOUT_STEP_NOISE] + [(family, "euler") for family in FAMILIES],
)
def test_a_batch_of_three_equals_three_single_runs(
    pipelines: PipelineRunner, family: str, sampler: str
) -> None:
    prompt = plain(family, sampler_name=sampler, steps=3)
    prompt["4"]["inputs"] |= {"width": 64, "batch_size": 3}
    together = sampled(pipelines, prompt)
    one = {"samples": ["4", 0], "length": 1}
    prompt[SAMPLER]["inputs"]["latent_image"] = ["one", 0]

    for index in range(3):
        prompt["one"] = {"class_type": "LatentFromBatch", "inputs": {**one, "batch_index": index}}
        single = sampled(pipelines, prompt)

        assert single.shape[0] == 1
        assert distance(together[index : index + 1], single) < EQUAL
    assert distance(together[:1], together[1:2]) > CHANGED


@pytest.mark.parametrize("family", LORA_FAMILIES)
def test_strength_of_a_lora_counts_and_none_is_the_base_bit_for_bit(
    pipelines: PipelineRunner, family: str
) -> None:
    base = sampled(pipelines, plain(family))

    assert torch.equal(sampled(pipelines, with_lora_of_strength(family, 0.0)), base)
    assert distance(sampled(pipelines, with_lora_of_strength(family, 1.0)), base) > LORA_CHANGED


def with_lora_of_strength(family: str, strength: float) -> dict[str, Any]:
    """The plain prompt with kohya's LoRA on model and texts."""
    prompt = plain(family, model=["lora", 0])
    strengths = {"strength_model": strength, "strength_clip": strength}
    prompt["lora"] = {
        "class_type": "LoraLoader",
        "inputs": {
            "model": ["1", 0],
            "clip": ["1", 1],
            "lora_name": f"golden_{family}_kohya_ldm.safetensors",
            **strengths,
        },
    }
    for text in ("2", "3"):
        prompt[text]["inputs"]["clip"] = ["lora", 1]
    return prompt


@pytest.mark.parametrize("case", LORA_CASES, ids=str)
def test_each_key_of_each_recorded_lora_changes_a_weight(pipelines: PipelineRunner, case: Case) -> None:
    model, text, file = base_and_lora(pipelines, case)

    for layer, parts in file.layers.items():
        before = patched(model, text, replace(file, layers={layer: parts}))
        for part, tensor in parts.items():
            if part == "alpha" and {"lokr_w1", "lokr_w2"} <= parts.keys():
                continue  # two whole factors have no rank that it could be divided by
            others = (replace(file, layers={layer: {**parts, part: tensor * factor}}) for factor in OTHERS)

            assert before, layer
            assert any(
                not torch.equal(changed, before[name])
                for other in others
                for name, changed in patched(model, text, other).items()
            ), f"{layer} {part}"


@pytest.mark.parametrize("family", LORA_FAMILIES)
def test_every_byte_is_back_after_every_recorded_lora(pipelines: PipelineRunner, family: str) -> None:
    cases = [case for case in LORA_CASES if case.family == family]
    model, text, _ = base_and_lora(pipelines, cases[0])
    with at_work(model, text) as tensors:
        before = {name: tensor.clone() for name, tensor in tensors.items()}

    for case in cases:
        changed_model, changed_text = with_lora(
            model, text, base_and_lora(pipelines, case)[2], strength_model=1.0, strength_text=1.0
        )
        with at_work(changed_model, changed_text) as tensors:
            assert any(not torch.equal(tensor, before[name]) for name, tensor in tensors.items()), str(case)

    with at_work(model, text) as tensors:
        for name, tensor in tensors.items():
            assert torch.equal(bits(tensor), bits(before[name])), name


def bits(tensor: Tensor) -> Tensor:
    return tensor.contiguous().view(torch.uint8)


def base_and_lora(pipelines: PipelineRunner, case: Case) -> tuple[DiffusionModel, TextEncoder, LoraFile]:
    """What a recorded LoRA is put on, and the file."""
    results = pipelines.run(case.prompt, ["1", "1:1"])
    return results["1"], results["1:1"], open_lora(pipelines.models.path(case.record["lora_file"]))


def patched(model: DiffusionModel, text: TextEncoder, file: LoraFile) -> dict[str, Tensor]:
    """Every weight that the file changes, changed."""
    model, text = with_lora(model, text, file, strength_model=0.8, strength_text=0.8)
    found = {"unet": (model.network.weights, model.patches)}
    found |= {kind: (each.weights, each.patches) for kind, each in text.networks.items()}
    return {
        f"{network} {name}": weights.value(name, [each for each in patches if name in each.names])
        for network, (weights, patches) in found.items()
        for name in {name for each in patches for name in each.names}
    }


@contextmanager
def at_work(model: DiffusionModel, text: TextEncoder) -> Iterator[dict[str, Tensor]]:
    """All tensors of all networks while their patches are on."""
    texts = text.networks
    with model.at_work():
        tensors = {f"unet {name}": each for name, each in model.network.network.state_dict().items()}
        for kind, network in texts.items():
            with network.weights.at_work(network.patches):
                inner = network.weights.network.state_dict()
                tensors |= {f"{kind} {name}": each.clone() for name, each in inner.items()}
        yield tensors
