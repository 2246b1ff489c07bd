"""Every sampler against trajectories recorded with the reference, within the tolerance stored with each."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from app.inference.sample import sample
from app.inference.samplers.base import Sampler
from app.inference.samplers.lcm_upscale import lcm_upscale
from app.inference.samplers.registry import SAMPLERS
from tests.unit.inference.golden import golden
from tests.unit.inference.toy_model import FAMILIES, ToyModel, guider

TOY = golden("samplers_toy")
MORE = golden("samplers_more")
IGNORED_OPTIONS = {"noise_device"}  # the recordings were made on the CPU, where it changes nothing
OF_NODES_ALONE = {
    "lcm_upscale": Sampler(method=lcm_upscale),
    "euler_cfg_pp_alternative": SAMPLERS["euler_cfg_pp"],
}


def toy_cases() -> list[Any]:
    return [pytest.param(name, id=name) for name in TOY if not name.startswith("_")]


def more_cases() -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in MORE["cases"]]


def sampler_of(case: dict[str, Any]) -> Sampler:
    sampler = OF_NODES_ALONE.get(case["sampler"]) or SAMPLERS[case["sampler"]]
    options = case.get("options", {})
    used = {name: value for name, value in options.items() if name not in IGNORED_OPTIONS}
    return replace(sampler, method=partial(sampler.method, **used)) if used else sampler


def test_every_recorded_case_runs() -> None:
    assert (len(toy_cases()), len(more_cases())) == (84, 758)
    assert {name.rpartition("/")[2] for name in TOY if not name.startswith("_")} == set(SAMPLERS)


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
    torch.manual_seed(seed)
    torch.randn(shape)  # leaves the global generator as drawing the initial noise does

    result = sample(
        guider(model, case.get("cfg", 2.0)),
        latent.reshape(shape),
        noise.reshape(shape) if case.get("add_noise", True) else torch.zeros(shape),
        sampler_of(case),
        sigmas,
        seed=seed,
        noise_mask=torch.tensor(MORE["mask"]) if case.get("mask") else None,
    )

    assert_close(result, torch.tensor(case["x"]).reshape(case.get("shape", shape)), case["tol"])
    assert model.calls == case["calls"]
    sides = 2 if case.get("cfg", 2.0) != 1 or "cfg_pp" in case["sampler"] else 1
    assert set(model.batch_sizes) <= {sides * batch}
