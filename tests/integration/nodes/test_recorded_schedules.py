"""Lists of noise levels that nodes make, and the table of consistency models, against recorded numbers."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from app.inference.ksample import SamplingPlan, plan_sigmas
from app.inference.model_sampling import families
from app.nodes.registry import builtin_nodes
from app.nodes.schedulers import NoFittedLevels
from tests.integration.nodes.recorded_nodes.stubs import stub_model
from tests.unit.nodes.recording_context import RecordingContext

GOLDEN = Path(__file__).parents[2] / "golden"
RECORDED = json.loads((GOLDEN / "samplers_more.json").read_text(encoding="utf-8"))
NODES = builtin_nodes()
MODELS = {"sd1_eps": "sd1_eps", "flux_dev": "flux"}
OTHER_FAMILIES = {"LTXVScheduler"}  # of a video model
CASES = [case for case in RECORDED["scheduler_nodes"] if case["node"] not in OTHER_FAMILIES]
TOLERANCE = 2e-6  # relative; the record's own
LCM = RECORDED["lcm_model_sampling"]
LISTS = {"sigmas": 0, "high_sigmas": 0, "low_sigmas": 1, "value": 0}
"""Keys of recorded results and the node's output that each belongs to."""


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path)


def inputs_of(case: dict[str, Any]) -> dict[str, Any]:
    inputs = dict(case["inputs"])
    if "model" in case:
        inputs["model"] = stub_model(MODELS[case["model"]])
    if "sigmas" in inputs:
        assert inputs["sigmas"] == "karras6 of sd1_eps"
        plan = SamplingPlan(sampler="euler", scheduler="karras", steps=6)
        inputs["sigmas"] = plan_sigmas(families.discrete(), plan)
    return inputs


def as_numbers(value: Any) -> list[float]:
    if isinstance(value, torch.Tensor):
        assert value.dtype == torch.float32
        return value.tolist()
    return [value]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['node']}-{list(case['inputs'].values())}")
def test_node_makes_the_recorded_levels(context: RecordingContext, case: dict[str, Any]) -> None:
    outputs = NODES[case["node"]].run(context, **inputs_of(case))

    assert isinstance(outputs, tuple)
    recorded = {name: case[name] for name in LISTS if name in case}
    assert recorded
    for name, expected in recorded.items():
        wanted = expected if isinstance(expected, list) else [expected]
        assert as_numbers(outputs[LISTS[name]]) == pytest.approx(wanted, rel=TOLERANCE, abs=0)


def test_all_but_the_lists_of_other_families_are_compared() -> None:
    left_out = Counter(case["node"] for case in RECORDED["scheduler_nodes"] if case not in CASES)

    assert len(RECORDED["scheduler_nodes"]) == 100
    assert left_out == {"LTXVScheduler": 4}


def test_consistency_table_is_the_recorded_one() -> None:
    sampling = families.discrete("lcm")

    assert sampling.sigmas.tolist() == pytest.approx(LCM["sigmas"], rel=TOLERANCE)
    for sigma, timestep in LCM["timestep_of_sigma"]:
        assert sampling.timestep(torch.tensor(sigma)).item() == timestep
    for timestep, sigma in LCM["sigma_of_timestep"]:
        assert sampling.sigma(torch.tensor(timestep)).item() == pytest.approx(sigma, rel=TOLERANCE)
    for percent, sigma in LCM["percent_to_sigma"]:
        assert sampling.percent_to_sigma(percent) == pytest.approx(sigma, rel=TOLERANCE)


@pytest.mark.parametrize("name", LCM["schedules"])
def test_schedule_on_the_consistency_table_is_the_recorded_one(name: str) -> None:
    scheduler, steps = name.split("/")
    plan = SamplingPlan(sampler="euler", scheduler=scheduler, steps=int(steps))

    levels = plan_sigmas(families.discrete("lcm"), plan)

    assert levels.tolist() == pytest.approx(LCM["schedules"][name], rel=TOLERANCE, abs=0)


def test_a_level_between_two_consistency_steps_takes_the_noisier_one() -> None:
    """As recorded: of the two the network is asked about, the pipeline with four steps shows which."""
    sampling = families.discrete("lcm")

    between = sampling.sigma(torch.tensor(509.0))

    assert sampling.timestep(between).item() == 519


def test_fitted_levels_that_are_not_there_are_refused_with_a_remedy(context: RecordingContext) -> None:
    with pytest.raises(NoFittedLevels, match="AlignYourStepsScheduler"):
        NODES["GITSScheduler"].run(context, coeff=1.2, steps=10, denoise=1.0)
