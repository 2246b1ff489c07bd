"""When stochastic samplers draw noise and when they do not; a stand-in for the source counts or refuses."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import Any, NoReturn

import pytest
import torch

from app.inference.guidance.guided import Guided
from app.inference.samplers import (
    ddpm,
    dpm_2,
    dpm_adaptive,
    dpmpp_2m_sde,
    dpmpp_2s_ancestral,
    dpmpp_2s_ancestral_cfg_pp,
    dpmpp_3m_sde,
    dpmpp_sde,
    er_sde,
    euler_ancestral,
    euler_cfg_pp,
    lcm,
    res_multistep,
    sa_solver,
    seeds,
)
from app.inference.samplers.base import AskBoth, SamplerContext
from tests.unit.inference.toy_model import FAMILIES

SIGMAS = torch.tensor([0.9, 0.5, 0.2, 0.0])
LATENT = torch.zeros(1, 4, 2, 2)
BROWNIAN = [
    pytest.param(dpmpp_sde, dpmpp_sde.dpmpp_sde, id="dpmpp_sde"),
    pytest.param(dpmpp_2m_sde, dpmpp_2m_sde.dpmpp_2m_sde, id="dpmpp_2m_sde"),
    pytest.param(dpmpp_3m_sde, dpmpp_3m_sde.dpmpp_3m_sde, id="dpmpp_3m_sde"),
]


class CountedNoise:
    """Zeros that count how often they were drawn."""

    draws = 0

    def __init__(self, *_arguments: object) -> None:
        type(self).draws = 0

    def __call__(self) -> torch.Tensor:
        type(self).draws += 1
        return torch.zeros_like(LATENT)


def refuse(*_arguments: object, **_options: object) -> NoReturn:
    raise AssertionError("no noise was to be drawn")


def walk(method: Callable[..., Any], family: str = "eps", sigmas: torch.Tensor = SIGMAS) -> None:
    run = method(LATENT, sigmas, SamplerContext(model_sampling=FAMILIES[family], seed=1))
    ask = next(run)
    with suppress(StopIteration):
        while True:
            answer = ask.x / 2
            ask = run.send(Guided(answer, answer) if isinstance(ask, AskBoth) else answer)


@pytest.mark.parametrize("options", [{"eta": 0.0}, {"s_noise": 0.0}])
@pytest.mark.parametrize(("module", "method"), BROWNIAN)
def test_without_new_noise_no_brownian_path_is_made(
    module: ModuleType, method: Callable[..., Any], options: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BrownianNoise", refuse)

    walk(partial(method, **options))


@pytest.mark.parametrize(
    ("module", "method", "family", "draws"),
    [
        (ddpm, ddpm.ddpm, "eps", 2),
        (lcm, lcm.lcm, "eps", 2),
        (dpm_2, dpm_2.dpm_2_ancestral, "eps", 2),
        (euler_ancestral, euler_ancestral.euler_ancestral, "eps", 2),
        (euler_ancestral, partial(euler_ancestral.euler_ancestral, eta=0.0), "eps", 2),
        (euler_ancestral, euler_ancestral.euler_ancestral, "flow", 2),
        (dpmpp_2s_ancestral, dpmpp_2s_ancestral.dpmpp_2s_ancestral, "eps", 2),
        (dpmpp_2s_ancestral, partial(dpmpp_2s_ancestral.dpmpp_2s_ancestral, eta=0.0), "eps", 2),
        (dpmpp_2s_ancestral, dpmpp_2s_ancestral.dpmpp_2s_ancestral, "flow", 2),
        (dpmpp_2s_ancestral, partial(dpmpp_2s_ancestral.dpmpp_2s_ancestral, eta=0.0), "flow", 0),
        (dpmpp_2s_ancestral_cfg_pp, dpmpp_2s_ancestral_cfg_pp.dpmpp_2s_ancestral_cfg_pp, "eps", 2),
        (euler_cfg_pp, euler_cfg_pp.euler_ancestral_cfg_pp, "eps", 2),
        (euler_cfg_pp, euler_cfg_pp.euler_ancestral_cfg_pp, "flow", 2),
        (res_multistep, partial(res_multistep.res_multistep, eta=1.0), "eps", 2),
        (res_multistep, partial(res_multistep.res_multistep_cfg_pp, eta=1.0), "eps", 2),
        (er_sde, er_sde.er_sde, "eps", 2),
        (er_sde, partial(er_sde.er_sde, eta=0.0), "eps", 2),
        (er_sde, partial(er_sde.er_sde, solver_type="Reverse-time SDE"), "eps", 2),
        (seeds, seeds.seeds_2, "eps", 4),
        (seeds, seeds.seeds_3, "eps", 6),
        (sa_solver, partial(sa_solver.sa_solver, sde_start_percent=0.0, sde_end_percent=1.0), "eps", 2),
    ],
)
def test_ancestral_noise_is_drawn_once_per_step_that_ends_above_zero(
    module: ModuleType,
    method: Callable[..., Any],
    family: str,
    draws: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "GaussianNoise", CountedNoise)

    walk(method, family)

    assert CountedNoise.draws == draws


@pytest.mark.parametrize(
    ("module", "method"),
    [
        (euler_cfg_pp, euler_cfg_pp.euler_cfg_pp),
        (euler_cfg_pp, partial(euler_cfg_pp.euler_ancestral_cfg_pp, eta=0.0)),
        (euler_cfg_pp, partial(euler_cfg_pp.euler_ancestral_cfg_pp, s_noise=0.0)),
        (res_multistep, res_multistep.res_multistep),
        (res_multistep, res_multistep.res_multistep_cfg_pp),
        (er_sde, partial(er_sde.er_sde, s_noise=0.0)),
        (er_sde, partial(er_sde.er_sde, solver_type="ODE")),
        (er_sde, partial(er_sde.er_sde, solver_type="Reverse-time SDE", eta=0.0)),
    ],
)
def test_without_new_noise_no_generator_is_made(
    module: ModuleType, method: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GaussianNoise", refuse)

    walk(method)


@pytest.mark.parametrize(
    ("module", "method"),
    [
        (sa_solver, partial(sa_solver.sa_solver, eta=0.0)),
        (sa_solver, partial(sa_solver.sa_solver, eta=-1.0)),
        (dpm_adaptive, dpm_adaptive.dpm_adaptive),
    ],
)
def test_without_new_noise_none_is_drawn(
    module: ModuleType, method: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GaussianNoise", CountedNoise)

    walk(method)

    assert CountedNoise.draws == 0


def test_accepted_steps_of_the_adaptive_sampler_draw_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dpm_adaptive, "GaussianNoise", CountedNoise)

    walk(partial(dpm_adaptive.dpm_adaptive, eta=1.0, h_init=0.5, rtol=100.0, atol=100.0))

    assert CountedNoise.draws == 2  # ln(0.9 / 0.2) = 1.5: a step of 0.5 and one of all that is left


def test_both_ends_of_the_noisy_part_of_the_schedule_belong_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sa_solver, "GaussianNoise", CountedNoise)
    first, last = (FAMILIES["eps"].percent_to_sigma(percent) for percent in (0.2, 0.8))

    walk(sa_solver.sa_solver, sigmas=torch.tensor([14.0, first * 1.01, first, last, last * 0.99, 0.0]))

    assert CountedNoise.draws == 2
