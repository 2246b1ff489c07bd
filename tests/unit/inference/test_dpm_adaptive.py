"""How the adaptive solver chooses, takes back and ends its steps."""

import math
from typing import Any

import pytest
import torch

from app.inference.samplers import dpm_adaptive
from app.inference.samplers.base import Ask, OptionOutOfRange, SamplerContext
from app.inference.samplers.dpm_adaptive import ToleranceNotMet
from tests.unit.inference.toy_model import FAMILIES

START = torch.linspace(-10, 10, 16).reshape(1, 4, 2, 2)
FALLING = torch.tensor([10.0, 0.1, 0.0])


def asked(sigmas: torch.Tensor, *, exact: bool = False, **options: Any) -> tuple[list[Ask], torch.Tensor]:
    """All questions and the result; an `exact` model answers with what it sees, so no step has an error."""
    context = SamplerContext(model_sampling=FAMILIES["eps"], seed=1)
    run = dpm_adaptive.dpm_adaptive(START, sigmas, context, **options)
    asks: list[Ask] = []
    answer: Any = None
    while True:
        try:
            asks.append(run.send(answer))
        except StopIteration as finished:
            return asks, finished.value
        ask = asks[-1]
        answer = ask.x if exact else ask.x / (1 + ask.sigma**2)


def test_steps_grow_by_the_arc_tangent_of_the_inverse_error() -> None:
    asks, _ = asked(FALLING, exact=True, h_init=0.25)

    factor = 1 + math.atan((1 / 1e-8) ** (1 / 3) - 1)  # of a step without error
    starts = [math.log(10 / ask.sigma.item()) for ask in asks[::3]]
    assert starts == pytest.approx(
        [0, 0.25, 0.25 + 0.25 * factor, 0.25 * (1 + factor + factor**2)][: len(starts)]
    )
    assert len(starts) >= 3


def test_a_step_counts_when_its_factor_is_exactly_the_limit() -> None:
    factor = 1 + math.atan((1 / 1e-8) ** (1 / 3) - 1)

    asks, _ = asked(FALLING, exact=True, accept_safety=factor)

    assert len(asks) == len(asked(FALLING, exact=True)[0])


def test_the_end_is_reached_when_the_rest_is_exactly_what_no_step_is_worth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest = FALLING[0].log() - FALLING[1].log()
    monkeypatch.setattr(dpm_adaptive, "ARRIVED", rest.item())

    assert asked(FALLING)[0] == []


def test_the_last_step_ends_at_the_last_level_above_zero() -> None:
    falling, _ = asked(torch.tensor([10.0, 5.0, 0.5, 0.0]), h_init=100.0)
    rising, _ = asked(torch.tensor([0.5, 10.0]), h_init=100.0)

    assert min(ask.sigma.item() for ask in falling) > 0.5
    assert max(ask.sigma.item() for ask in rising) < 10.0


def test_rejected_steps_are_made_again_from_the_same_place() -> None:
    asks, _ = asked(FALLING, h_init=4.0, rtol=0.001, atol=0.0001)

    first, *_ = asks
    again = asks[3]
    assert torch.equal(again.x, first.x)
    assert again.sigma == first.sigma


@pytest.mark.parametrize("options", [{"rtol": 0.0, "atol": 0.0}, {"h_init": 0.0}, {"accept_safety": 100.0}])
def test_a_tolerance_that_cannot_be_met_ends_the_run_with_advice(options: dict[str, Any]) -> None:
    with pytest.raises(ToleranceNotMet, match="rtol"):
        asked(FALLING, **options)


def test_a_step_is_tried_a_hundred_times_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[float] = []

    def judge(_controller: Any, error: float) -> tuple[bool, float]:
        tries.append(error)
        return len(tries) in (100, 200), 1.0  # the last try that is allowed, twice, then never again

    monkeypatch.setattr(dpm_adaptive._Controller, "judge", judge)

    with pytest.raises(ToleranceNotMet):
        asked(torch.tensor([1e6, 1e-6]), h_init=0.001)

    assert len(tries) == 300


def test_one_step_has_no_way_to_go() -> None:
    for eta in (0.0, 1.0):
        asks, result = asked(torch.tensor([10.0, 0.0]), eta=eta)
        assert asks == []
        assert torch.equal(result, START)


def test_new_noise_is_refused_where_levels_rise() -> None:
    with pytest.raises(OptionOutOfRange, match="eta"):
        asked(torch.tensor([0.5, 10.0]), eta=0.1)
