"""Finished lists of noise levels that are turned around and refined, at the ends of what they may be."""

import pytest
import torch

from app.inference.schedules.sigma_edits import ALMOST_ZERO, flipped, refined

LEVELS = torch.tensor([8.0, 4.0, 2.0, 0.0])


def test_a_turned_list_begins_above_zero_and_leaves_the_other_as_it_was() -> None:
    given = LEVELS.clone()

    assert flipped(given).tolist() == pytest.approx([ALMOST_ZERO, 2.0, 4.0, 8.0])
    assert torch.equal(given, LEVELS)


def test_a_list_that_does_not_end_at_zero_is_only_turned() -> None:
    assert flipped(LEVELS[:3]).tolist() == [2.0, 4.0, 8.0]


def test_an_empty_list_stays_empty() -> None:
    assert len(flipped(torch.empty(0))) == 0
    assert len(refined(torch.empty(0), 2, -1.0, 0.0, "linear")) == 0


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-1.0, 0.0, [8.0, 6.0, 4.0, 3.0, 2.0, 1.0, 0.0]),
        (8.0, 4.0, [8.0, 6.0, 4.0, 3.0, 2.0, 0.0]),
        (7.9, 2.0, [8.0, 4.0, 3.0, 2.0, 1.0, 0.0]),
        (4.0, 4.0, [8.0, 4.0, 3.0, 2.0, 0.0]),
        (0.0, 0.0, [8.0, 4.0, 2.0, 0.0]),
        (2.0, 4.0, [8.0, 4.0, 2.0, 0.0]),
    ],
)
def test_steps_that_begin_within_both_limits_are_cut_in_two(
    start: float, end: float, expected: list[float]
) -> None:
    assert refined(LEVELS, 2, start, end, "linear").tolist() == expected
