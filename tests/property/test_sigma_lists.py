"""Properties of every schedule and of every stretch cut out of one."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from app.inference.ksample import SamplingPlan, plan_sigmas
from app.inference.model_sampling import ModelSampling, families
from app.inference.samplers.registry import SAMPLERS
from app.inference.schedules.schedulers import SCHEDULERS, schedule

FAMILIES: list[ModelSampling] = [
    families.discrete("eps"),
    families.discrete("v_prediction", zero_terminal_snr=True),
    families.discrete("lcm"),
    families.continuous("edm", sigma_min=0.002, sigma_max=80.0),
    families.shifted_flow(3.0),
    families.flux(),
    families.cascade(2.0),
]
families = st.sampled_from(FAMILIES)
schedulers = st.sampled_from(list(SCHEDULERS))
samplers = st.sampled_from(list(SAMPLERS))
steps = st.integers(min_value=1, max_value=1500)
EXACT_LENGTH = [name for name in SCHEDULERS if name not in {"ddim_uniform", "beta"}]


def assert_falls_to_zero(sigmas: torch.Tensor, sampling: ModelSampling) -> None:
    assert sigmas.dtype == torch.float32
    assert sigmas.isfinite().all()
    assert (sigmas.diff() <= 0).all()
    assert sigmas[-1] == 0
    assert sigmas[0] <= sampling.sigma_max * (1 + 1e-5)


@given(families, schedulers, steps)
def test_every_schedule_falls_from_below_the_top_to_zero(
    sampling: ModelSampling, scheduler: str, count: int
) -> None:
    assert_falls_to_zero(schedule(scheduler, sampling, count), sampling)


@given(families, st.sampled_from(EXACT_LENGTH), steps)
def test_a_schedule_has_one_level_more_than_steps(
    sampling: ModelSampling, scheduler: str, count: int
) -> None:
    assert len(schedule(scheduler, sampling, count)) == count + 1


@given(
    samplers,
    st.sampled_from(EXACT_LENGTH),
    st.integers(min_value=1, max_value=60),
    st.integers(min_value=1, max_value=100),
)
def test_a_share_of_the_schedule_still_has_all_its_steps(
    sampler: str, scheduler: str, count: int, percent: int
) -> None:
    plan = SamplingPlan(sampler=sampler, scheduler=scheduler, steps=count, denoise=percent / 100)
    sigmas = plan_sigmas(FAMILIES[0], plan)

    assert len(sigmas) == count + 1
    assert_falls_to_zero(sigmas, FAMILIES[0])


@given(
    st.integers(min_value=1, max_value=40),
    st.integers(min_value=0, max_value=50),
    st.integers(min_value=0, max_value=50),
)
def test_two_stretches_meet_at_one_level(count: int, cut: int, beyond: int) -> None:
    def stretch(start: int, end: int | None) -> list[float]:
        plan = SamplingPlan(sampler="euler", scheduler="normal", steps=count, start_step=start, end_step=end)
        return plan_sigmas(FAMILIES[0], plan).tolist()

    whole, first, second = stretch(0, None), stretch(0, cut), stretch(cut, count + beyond)

    assert first == whole[: cut + 1]
    assert second == (whole[cut:] if cut < count else [])
