"""Every sampler against trajectories recorded with the reference, within the tolerance stored with each."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from app.inference.sample import sample
from app.inference.samplers.base import Sampler
from app.inference.samplers.registry import SAMPLERS
from tests.unit.inference.golden import golden
from tests.unit.inference.toy_model import FAMILIES, ToyModel, guider

TOY = golden("samplers_toy")
MORE = golden("samplers_more")
IGNORED_OPTIONS = {"noise_device"}  # the recordings were made on the CPU, where it changes nothing


def toy_cases() -> list[Any]:
    names = [name for name in TOY if not name.startswith("_") and name.rpartition("/")[2] in SAMPLERS]
    return [pytest.param(name, id=name) for name in names]


def more_cases() -> list[Any]:
    cases = [case for case in MORE["cases"] if case["sampler"] in SAMPLERS]
    return [pytest.param(case, id=case["id"]) for case in cases]


def with_options(sampler: Sampler, options: dict[str, Any]) -> Sampler:
    used = {name: value for name, value in options.items() if name not in IGNORED_OPTIONS}
    return replace(sampler, method=partial(sampler.method, **used)) if used else sampler


def assert_close(actual: torch.Tensor, expected: torch.Tensor, relative: float) -> None:
    deviation = (actual - expected).abs().max().item() / expected.abs().max().item()
    assert deviation <= relative


@pytest.mark.parametrize("name", toy_cases())
def test_sampler_follows_the_recorded_toy_trajectory(name: str) -> None:
    case, family, sampler = TOY[name], name.split("/")[0], name.rpartition("/")[2]
    model = ToyModel(model_sampling=FAMILIES[family])
    noise = torch.randn([1, 4, 4, 4], generator=torch.Generator().manual_seed(42))

    result = sample(
        guider(model),
        torch.zeros(1, 4, 4, 4),
        noise,
        SAMPLERS[sampler],
        torch.tensor(case["sigmas"]),
        seed=42,
    )

    assert_close(result, torch.tensor(case["x"]).reshape(1, 4, 4, 4), case["tol"])
    assert model.calls == case["calls"]


@pytest.mark.parametrize("case", more_cases())
def test_sampler_follows_the_recorded_case(case: dict[str, Any]) -> None:
    batch, seed = case.get("batch", 1), case.get("seed", 42)
    shape = (batch, 4, 2, 2)
    model = ToyModel(model_sampling=FAMILIES[case["family"]])
    latent = torch.tensor(MORE["latents"][case["latent"]]) if case.get("latent") else torch.zeros(shape)
    noise = torch.tensor(MORE["noise"][f"seed {seed}, batch {batch}"])
    sigmas = torch.tensor(MORE["sigmas"][case["sigmas"]])

    result = sample(
        guider(model, case.get("cfg", 2.0)),
        latent.reshape(shape),
        noise.reshape(shape) if case.get("add_noise", True) else torch.zeros(shape),
        with_options(SAMPLERS[case["sampler"]], case.get("options", {})),
        sigmas,
        seed=seed,
        noise_mask=torch.tensor(MORE["mask"]) if case.get("mask") else None,
    )

    assert_close(result, torch.tensor(case["x"]).reshape(shape), case["tol"])
    if case.get("cfg", 2.0) != 1:
        assert model.calls == case["calls"]
        assert set(model.batch_sizes) <= {2 * batch}
