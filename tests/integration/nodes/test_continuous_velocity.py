"""The recorded prompt with velocity over an angle: no node of ours sets it, so it is put in by hand."""

from dataclasses import replace
from typing import Any

import pytest

from app.inference.model_sampling import families
from app.inference.models.diffusion_model import DiffusionModel
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass
from tests import recorded_pipelines
from tests.recorded_pipelines import Case, PipelineRunner

MISSING = "ModelSamplingContinuousV"


def _sampled(
    _context: NodeContext, *, model: DiffusionModel, sampling: str, sigma_max: float, sigma_min: float
) -> tuple[Any, ...]:
    levels = families.continuous_velocity(sigma_min=sigma_min, sigma_max=sigma_max)
    return (replace(model, model_sampling=levels),)


def test_prompt_gives_the_recorded_numbers(
    pipelines: PipelineRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = recorded_pipelines.NODES["ModelSamplingDiscrete"].schema
    monkeypatch.setitem(recorded_pipelines.NODES, MISSING, NodeClass(schema=schema, run=_sampled))

    pipelines.check(Case("sd1", MISSING))
