"""Recorded prompts with nodes that are not offered here: what they set is put in by hand."""

from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest

from app.inference.model_sampling import families
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.samplers.registry import SAMPLERS
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass
from tests import recorded_pipelines
from tests.recorded_pipelines import Case, PipelineRunner


def _velocity_over_an_angle(
    _context: NodeContext, *, model: DiffusionModel, sampling: str, sigma_max: float, sigma_min: float
) -> tuple[Any, ...]:
    levels = families.continuous_velocity(sigma_min=sigma_min, sigma_max=sigma_max)
    return (replace(model, model_sampling=levels),)


def _euler_cfg_pp(_context: NodeContext, *, version: str) -> tuple[Any, ...]:
    method = cast("Any", SAMPLERS["euler_cfg_pp"].method)  # with an option of its own
    return (replace(SAMPLERS["euler_cfg_pp"], method=partial(method, version=version)),)


BY_HAND = {
    "sd1: ModelSamplingContinuousV": ("ModelSamplingContinuousV", _velocity_over_an_angle),
    "sd1: custom SamplerEulerCFGpp alternative": ("SamplerEulerCFGpp", _euler_cfg_pp),
}
"""By case: the class that is missing and what stands in for it."""


@pytest.mark.parametrize("case", BY_HAND)
def test_prompt_gives_the_recorded_numbers(
    pipelines: PipelineRunner, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    missing, run = BY_HAND[case]
    schema = recorded_pipelines.NODES["KSamplerSelect"].schema
    monkeypatch.setitem(recorded_pipelines.NODES, missing, NodeClass(schema=schema, run=run))
    family, _, name = case.partition(": ")

    pipelines.check(Case(family, name))
