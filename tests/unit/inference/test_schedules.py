"""Noise tables and schedules against recorded numbers."""

import math
from typing import Any

import pytest
import torch

from app.inference.ksample import SamplingPlan, plan_sigmas
from app.inference.model_sampling import ModelSampling, families
from app.inference.samplers.registry import SAMPLERS
from app.inference.schedules.schedulers import FULL_DENOISE, SCHEDULERS, schedule, share
from tests.unit.inference.golden import golden

RECORDED = golden("sigmas")
FAMILIES: dict[str, ModelSampling] = {
    "sd1_eps": families.discrete("eps"),
    "sd2_v": families.discrete("v_prediction"),
    "sdxl_v_zsnr": families.discrete("v_prediction", zero_terminal_snr=True),
    "sd_x4": families.upscaler_x4(),
    "sd3_shift3": families.shifted_flow(3.0),
    "flux_dev": families.flux(mu=1.15),
    "flux_schnell": families.shifted_flow(1.0, multiplier=1.0),
    "cascade_c_shift2": families.cascade(2.0),
    "cascade_b_shift1": families.cascade(1.0),
    "playground_edm": families.continuous("edm", sigma_min=0.002, sigma_max=80.0),
}
TOLERANCE = 1e-6


def schedule_cases() -> list[Any]:
    return [
        pytest.param(family, *key.split("/"), id=f"{family}/{key}")
        for family in FAMILIES
        for key in RECORDED[family]
        if "/" in key
    ]


def test_every_recorded_list_is_made() -> None:
    assert len(schedule_cases()) == len(FAMILIES) * len(SCHEDULERS) * 3
    assert set(RECORDED) == {*FAMILIES, "KSampler_sd1_eps"}


def assert_same(actual: torch.Tensor, expected: list[float]) -> None:
    assert actual.dtype == torch.float32
    assert actual.tolist() == pytest.approx(expected, rel=TOLERANCE, abs=0)


@pytest.mark.parametrize(("family", "scheduler", "steps"), schedule_cases())
def test_schedule_is_the_recorded_one(family: str, scheduler: str, steps: str) -> None:
    sigmas = schedule(scheduler, FAMILIES[family], int(steps))

    recorded = RECORDED[family][f"{scheduler}/{steps}"]
    if math.isnan(recorded[0]):  # the reference divides 0 by 0 for one step; a step from the top is meant
        recorded = [FAMILIES[family].sigma_max, 0.0]
    assert_same(sigmas, recorded)


@pytest.mark.parametrize("family", FAMILIES)
def test_table_and_its_inverses_are_the_recorded_ones(family: str) -> None:
    sampling, recorded = FAMILIES[family], RECORDED[family]

    assert len(sampling.sigmas) == recorded["n_sigmas"]
    assert sampling.sigma_min == pytest.approx(recorded["sigma_min"], rel=TOLERANCE)
    assert sampling.sigma_max == pytest.approx(recorded["sigma_max"], rel=TOLERANCE)
    for place, sigma in recorded["sigmas_probe"].items():
        assert sampling.sigmas[int(place)].item() == pytest.approx(sigma, rel=TOLERANCE)
    for sigma, timestep in recorded["timestep_of_sigma"].items():
        assert sampling.timestep(torch.tensor(float(sigma))).item() == pytest.approx(timestep, rel=TOLERANCE)
    for percent, sigma in recorded["percent_to_sigma"].items():
        assert sampling.percent_to_sigma(float(percent)) == pytest.approx(sigma, rel=TOLERANCE)


@pytest.mark.parametrize("name", RECORDED["KSampler_sd1_eps"])
def test_denoise_and_dropped_level_make_the_recorded_list(name: str) -> None:
    sampler, scheduler, steps, denoise = name.split("/")
    plan = SamplingPlan(
        sampler=sampler,
        scheduler=scheduler,
        steps=int(steps),
        denoise=float(denoise.removeprefix("denoise=")),
    )

    assert_same(plan_sigmas(FAMILIES["sd1_eps"], plan), RECORDED["KSampler_sd1_eps"][name])


def evenly(steps: int) -> torch.Tensor:
    return torch.linspace(1, 0, steps + 1)


@pytest.mark.parametrize(
    ("denoise", "first"), [(1.0, 1.0), (0.99995, 1.0), (FULL_DENOISE, 20_000 / 20_002), (0.5, 0.5)]
)
def test_a_share_up_to_nearly_all_is_the_end_of_a_longer_schedule(denoise: float, first: float) -> None:
    levels = share(evenly, 20_000, denoise)

    assert len(levels) == 20_001
    assert levels[0].item() == pytest.approx(first, abs=1e-6)


def test_a_share_of_nothing_has_no_levels() -> None:
    assert len(share(evenly, 4, 0.0)) == 0


def stretch(start_step: int, end_step: int | None, *, leftover_noise: bool) -> list[float]:
    plan = SamplingPlan(
        sampler="euler",
        scheduler="karras",
        steps=4,
        start_step=start_step,
        end_step=end_step,
        leftover_noise=leftover_noise,
    )
    return plan_sigmas(FAMILIES["sd1_eps"], plan).tolist()


KARRAS_4 = [14.614643, 3.1686049, 0.44691858, 0.029167177, 0.0]


@pytest.mark.parametrize(
    ("start", "end", "leftover", "expected"),
    [
        (0, None, False, KARRAS_4),
        (0, 10_000, False, KARRAS_4),
        (0, 4, True, KARRAS_4),
        (0, 2, True, KARRAS_4[:3]),
        (0, 2, False, [*KARRAS_4[:2], 0.0]),
        (2, None, True, KARRAS_4[2:]),
        (3, 10_000, True, KARRAS_4[3:]),
        (4, 10_000, True, []),
        (1, 3, True, KARRAS_4[1:4]),
        (3, 2, True, []),
        (2, 2, True, []),
        (0, 0, True, KARRAS_4[:1]),
    ],
)
def test_steps_are_cut_at_the_end_first_then_at_the_start(
    start: int, end: int | None, leftover: bool, expected: list[float]
) -> None:
    assert stretch(start, end, leftover_noise=leftover) == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize(("menu", "names"), [("$SAMPLERS", SAMPLERS), ("$SCHEDULERS", SCHEDULERS)])
def test_menus_keep_the_known_order(menu: str, names: dict[str, object]) -> None:
    known = golden("core-nodes")["lists"][menu]

    assert list(names) == [name for name in known if name in names]


def test_four_samplers_drop_the_level_before_zero() -> None:
    one_more_step = {name for name, sampler in SAMPLERS.items() if sampler.drops_penultimate_sigma}

    assert one_more_step == {"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"}


def test_sigma_of_half_log_snr_is_its_inverse() -> None:
    for sampling in FAMILIES.values():
        sigma = torch.tensor([0.05, 0.4, 0.9])
        assert torch.allclose(sampling.sigma_of_half_log_snr(sampling.half_log_snr(sigma)), sigma)


def test_eps_prediction_takes_the_named_noise_away() -> None:
    sampling, picture, noise = FAMILIES["sd1_eps"], torch.randn(1, 4, 2, 2), torch.randn(1, 4, 2, 2)
    sigma = torch.tensor(3.0)
    noisy = sampling.noise_scaling(sigma, noise, picture, max_denoise=False)

    assert torch.allclose(sampling.denoised(noisy, sigma, noise), picture, atol=1e-5)
    assert torch.allclose(sampling.network_input(noisy, sigma), noisy / 10**0.5)
