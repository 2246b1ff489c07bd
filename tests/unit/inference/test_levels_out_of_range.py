"""Numbers that no noise levels can be made from are refused with the rule that they break."""

from collections.abc import Callable

import pytest
import torch

from app.inference.model_sampling import LevelsOutOfRange, families
from app.inference.samplers.base import OptionOutOfRange, SamplerContext
from app.inference.samplers.dpmpp_sde import dpmpp_sde
from app.inference.schedules import further, schedulers, sigma_edits

SD1 = families.discrete()


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: schedulers.exponential_between(0.0, 0.1, 4), "above 0"),
        (lambda: schedulers.exponential_between(1.0, 0.0, 4), "above 0"),
        (lambda: further.polyexponential(0.0, 0.1, 4, 1.0), "above 0"),
        (lambda: further.polyexponential(1.0, 0.0, 4, 1.0), "above 0"),
        (lambda: schedulers.karras_between(1.0, 0.1, 4, 0.0), "rho"),
        (lambda: schedulers.beta(SD1, 4, 0.0, 0.6), "alpha and beta"),
        (lambda: schedulers.beta(SD1, 4, 0.6, 0.0), "alpha and beta"),
        (lambda: families.continuous("edm", sigma_min=0.0, sigma_max=80.0), "sigma_min"),
        (lambda: families.continuous("eps", sigma_min=2.0, sigma_max=1.0), "sigma_min"),
        (lambda: families.shifted_flow(0.0), "shift"),
        (lambda: families.cascade(0.0), "shift"),
    ],
)
def test_the_rule_is_named(make: Callable[[], object], rule: str) -> None:
    with pytest.raises(LevelsOutOfRange, match=rule):
        make()


def test_karras_may_go_down_to_zero() -> None:
    assert schedulers.karras_between(1.0, 0.0, 3, 7.0).tolist() == pytest.approx([1.0, 0.5**7, 0.0, 0.0])


def test_a_range_may_be_a_single_level() -> None:
    sampling = families.continuous("edm", sigma_min=2.0, sigma_max=2.0)

    assert sampling.sigma_min == sampling.sigma_max == pytest.approx(2.0)


def test_an_empty_list_has_no_first_level() -> None:
    with pytest.raises(sigma_edits.NoLevels, match="empty"):
        sigma_edits.with_first(torch.empty(0), 1.0)


def test_an_inner_point_needs_a_place() -> None:
    sigmas = torch.tensor([2.0, 1.0, 0.0])
    run = dpmpp_sde(torch.zeros(1, 4, 2, 2), sigmas, SamplerContext(model_sampling=SD1, seed=0), r=0.0)

    with pytest.raises(OptionOutOfRange, match="above 0"):
        next(run)
