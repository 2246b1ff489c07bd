"""What must hold for any model: each option of a conditioning changes the picture, neutral ones do not.

Run on the tiny checkpoints of the recorded pipelines; the recorded prompts are the starting points.
"""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from app.inference.latents.batch import LatentBatch
from tests.recorded_pipelines import Case, PipelineRunner

CHANGED = 1e-3  # relative distance from which a result counts as another one
EQUAL = 1e-5

AREA = ("sd1", "two areas + base prompt", "ConditioningSetArea")
SHARE = ("sd1", "percentage area", "ConditioningSetAreaPercentage")
AREA_STRENGTH = ("sd1", "area strength node", "ConditioningSetAreaStrength")
MASK = ("sd1", "mask conditioning strength 0.7", "ConditioningSetMask")
RANGE = ("sd1", "timestep range 0.2-0.6 plus base", "ConditioningSetTimestepRange")
COMBINE = ("sd1", "ConditioningCombine", "ConditioningCombine")
CONCAT = ("sd1", "ConditioningConcat", "ConditioningConcat")
AVERAGE = ("sd1", "ConditioningAverage 0.3", "ConditioningAverage")
DEFAULT = (
    "sd1",
    "ConditioningSetDefaultCombine (default fills the unmasked part)",
    "ConditioningSetDefaultCombine",
)
NET = ("sd1", "ControlNetApplyAdvanced 0.6, 0.2-0.7", "ControlNetApplyAdvanced")
STRONG_NET = ("sd1", "ControlNetApplyAdvanced 1.0", "ControlNetApplyAdvanced")
OLD_NET = ("sd1", "ControlNetApply 0.8", "ControlNetApply")
DIFF_NET = ("sd1", "DiffControlNetLoader 0.8", "DiffControlNetLoader")
SAMPLER = ("sd1", "plain", "KSampler")
INPAINT = ("sd1_inpaint", "InpaintModelConditioning", "InpaintModelConditioning")
EDIT = ("sd1_ip2p", "InstructPixToPixConditioning", "InstructPixToPixConditioning")

OTHER_TEXT = ["3", 0]  # the negative one, in all recorded prompts
OTHER_PICTURE = {"class_type": "ImageInvert", "inputs": {"image": ["5", 0]}}
OTHER_MASK = {"class_type": "LoadImage", "inputs": {"image": "golden_grad.png"}}
OTHER_NET = {
    "class_type": "ControlNetLoader",
    "inputs": {"control_net_name": "golden_sd1_control2.safetensors"},
}
OTHER_MODEL = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "golden_sd1_b.safetensors"}}

ORIGINALS: dict[tuple[str, str, str], Tensor] = {}

CHANGES: list[tuple[tuple[str, str, str], str, Any]] = [
    (AREA, "conditioning", OTHER_TEXT),
    (AREA, "width", 192),
    (AREA, "height", 64),
    (AREA, "x", 64),
    (AREA, "y", 0),
    (AREA, "strength", 3.0),
    (SHARE, "conditioning", OTHER_TEXT),
    (SHARE, "width", 0.9),
    (SHARE, "height", 0.9),
    (SHARE, "x", 0.0),
    (SHARE, "y", 0.0),
    (SHARE, "strength", 0.2),
    (AREA_STRENGTH, "conditioning", OTHER_TEXT),
    (AREA_STRENGTH, "strength", 2.0),
    (MASK, "conditioning", OTHER_TEXT),
    (MASK, "mask", [OTHER_MASK, 1]),
    (MASK, "strength", 0.1),
    (MASK, "set_cond_area", "mask bounds"),
    (RANGE, "conditioning", OTHER_TEXT),
    (RANGE, "start", 0.6),
    (RANGE, "end", 0.2),
    (COMBINE, "conditioning_1", OTHER_TEXT),
    (COMBINE, "conditioning_2", OTHER_TEXT),
    (CONCAT, "conditioning_to", OTHER_TEXT),
    (CONCAT, "conditioning_from", OTHER_TEXT),
    (AVERAGE, "conditioning_to", OTHER_TEXT),
    (AVERAGE, "conditioning_from", OTHER_TEXT),
    (AVERAGE, "conditioning_to_strength", 0.9),
    (DEFAULT, "cond", OTHER_TEXT),
    (DEFAULT, "cond_DEFAULT", OTHER_TEXT),
    (NET, "positive", OTHER_TEXT),
    (NET, "negative", ["2", 0]),
    (NET, "control_net", [OTHER_NET, 0]),
    (STRONG_NET, "image", [OTHER_PICTURE, 0]),
    (NET, "strength", 0.2),
    (NET, "start_percent", 0.0),
    (NET, "end_percent", 0.3),
    (OLD_NET, "conditioning", OTHER_TEXT),
    (OLD_NET, "control_net", [OTHER_NET, 0]),
    (OLD_NET, "image", [OTHER_PICTURE, 0]),
    (OLD_NET, "strength", 0.2),
    (DIFF_NET, "model", [OTHER_MODEL, 0]),
    (DIFF_NET, "control_net_name", "golden_sd1_control2.safetensors"),
    (SAMPLER, "negative", ["2", 0]),
    (INPAINT, "positive", OTHER_TEXT),
    (INPAINT, "negative", ["2", 0]),
    (INPAINT, "vae", [OTHER_MODEL, 2]),
    (INPAINT, "pixels", [OTHER_PICTURE, 0]),
    (INPAINT, "mask", [OTHER_MASK, 1]),
    (INPAINT, "noise_mask", False),
    (EDIT, "positive", OTHER_TEXT),
    (EDIT, "negative", ["2", 0]),
    (EDIT, "vae", [OTHER_MODEL, 2]),
    (EDIT, "pixels", [OTHER_PICTURE, 0]),
]


@pytest.mark.parametrize(("start", "name", "value"), CHANGES, ids=lambda each: str(each)[:40])
def test_every_input_changes_the_picture(
    pipelines: PipelineRunner, start: tuple[str, str, str], name: str, value: Any
) -> None:
    prompt = start_of(start)
    node = next(each for each in prompt.values() if each["class_type"] == start[2])
    assert name in node["inputs"]
    if isinstance(value, list) and isinstance(value[0], dict):
        prompt["new"] = copy.deepcopy(value[0])
        value = ["new", value[1]]
    node["inputs"][name] = value

    changed = sampled(pipelines, prompt)

    if start not in ORIGINALS:
        ORIGINALS[start] = sampled(pipelines, start_of(start))
    assert distance(changed, ORIGINALS[start]) > CHANGED


def test_zeros_in_place_of_the_negative_change_the_picture(pipelines: PipelineRunner) -> None:
    silent = sampled(pipelines, Case("sd1", "ConditioningZeroOut negative").prompt)

    assert distance(silent, plain(pipelines)) > CHANGED


def test_two_full_size_areas_with_one_prompt_equal_no_area(pipelines: PipelineRunner) -> None:
    prompt = Case("sd1", "plain").prompt
    size = {"width": 192, "height": 128, "x": 0, "y": 0}
    for node, strength in (("a", 1.0), ("b", 0.4)):
        inputs = {"conditioning": ["2", 0], "strength": strength, **size}
        prompt[node] = {"class_type": "ConditioningSetArea", "inputs": inputs}
    inputs = {"conditioning_1": ["a", 0], "conditioning_2": ["b", 0]}
    prompt["both"] = {"class_type": "ConditioningCombine", "inputs": inputs}
    prompt["5"]["inputs"]["positive"] = ["both", 0]

    areas = sampled(pipelines, prompt)

    assert distance(areas, plain(pipelines)) < EQUAL


def test_source_latent_stays_where_the_noise_mask_is_zero(pipelines: PipelineRunner) -> None:
    prompt = Case("sd1", "noise mask inpaint").prompt

    results = pipelines.run(prompt, ["6", "7", "8"])

    source, result = results["6"].samples, results["8"].samples
    mask = interpolate(results["7"].noise_mask, size=source.shape[-2:], mode="bilinear")
    kept = (mask == 0).expand_as(source)
    assert 0.3 < kept.float().mean().item() < 0.9
    assert (result - source)[kept].abs().max() < EQUAL * source.abs().max()
    assert distance(result[~kept], source[~kept]) > CHANGED


@pytest.mark.parametrize("sampler", ["euler", "heun", "dpmpp_2m", "uni_pc", "lms"])
def test_a_batch_of_three_equals_three_single_runs(pipelines: PipelineRunner, sampler: str) -> None:
    prompt = Case("sd1", "LatentFromBatch index 1 length 2").prompt
    prompt["4"]["inputs"]["batch_size"] = 3
    prompt["6"]["inputs"] |= {"sampler_name": sampler, "steps": 3}
    together = copy.deepcopy(prompt)
    together["6"]["inputs"]["latent_image"] = ["4", 0]
    batch = sampled(pipelines, together)

    for index in range(3):
        prompt["5"]["inputs"] |= {"batch_index": index, "length": 1}
        single = sampled(pipelines, prompt)

        assert single.shape[0] == 1
        assert distance(batch[index : index + 1], single) < EQUAL
    assert distance(batch[:1], batch[1:2]) > CHANGED


@pytest.mark.parametrize("start", [NET, OLD_NET], ids=["both sides", "old node"])
def test_a_net_of_strength_zero_leaves_the_picture_as_it_is(
    pipelines: PipelineRunner, start: tuple[str, str, str]
) -> None:
    prompt = Case(*start[:2]).prompt
    node = next(each for each in prompt.values() if each["class_type"] == start[2])
    node["inputs"]["strength"] = 0

    without = sampled(pipelines, prompt)

    assert torch.equal(without, plain(pipelines))


def test_a_net_that_is_never_in_its_range_leaves_the_picture_as_it_is(pipelines: PipelineRunner) -> None:
    prompt = Case(*NET[:2]).prompt
    prompt["7"]["inputs"] |= {"start_percent": 0.7, "end_percent": 0.2}

    assert distance(sampled(pipelines, prompt), plain(pipelines)) < EQUAL


def sampled(pipelines: PipelineRunner, prompt: dict[str, Any]) -> Tensor:
    """The latent that the prompt's last sampler gives."""
    last = [node for node, each in prompt.items() if each["class_type"] == "KSampler"][-1]
    result = pipelines.run(prompt, [last])[last]
    assert isinstance(result, LatentBatch)
    return result.samples


def start_of(start: tuple[str, str, str]) -> dict[str, Any]:
    """A recorded prompt; of one step, unless the option that is looked at depends on the step."""
    prompt = Case(*start[:2]).prompt
    if start not in (RANGE, NET):
        next(each for each in prompt.values() if each["class_type"] == "KSampler")["inputs"]["steps"] = 1
    return prompt


def plain(pipelines: PipelineRunner) -> Tensor:
    """What the plain prompt gives; sampled once."""
    key = ("sd1", "plain", "")
    if key not in ORIGINALS:
        ORIGINALS[key] = sampled(pipelines, Case("sd1", "plain").prompt)
    return ORIGINALS[key]


def distance(ours: Tensor, theirs: Tensor) -> float:
    """How far two latents are apart, relative to the second's length."""
    return ((ours - theirs).norm() / theirs.norm()).item()
