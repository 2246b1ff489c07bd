"""The Brownian path against torchsde's, bit for bit, and what makes it one path."""

import random
from itertools import pairwise
from typing import cast

import pytest
import torch
from torchsde import BrownianTree as Reference

from app.inference.noise.brownian_tree import BrownianTree

SHAPE = torch.Size((1, 4, 3, 2))
CPU = torch.device("cpu")


def own(start: float, end: float, seed: int) -> BrownianTree:
    return BrownianTree(start, end, SHAPE, CPU, seed)


def reference(start: float, end: float, seed: int) -> Reference:
    return Reference(t0=start, t1=end, w0=torch.zeros(SHAPE), entropy=seed)


def stretches(tree: BrownianTree, count: int, seed: int) -> list[tuple[float, float]]:
    """Some within the path, among them ends of the path and ends of the one before."""
    draw = random.Random(seed)  # noqa: S311  for picking test times
    low, high = tree.start, tree.end
    found: list[tuple[float, float]] = []
    for _ in range(count):
        places = [draw.uniform(tree.start, tree.end), draw.choice([low, high, tree.start, tree.end])]
        low, high = sorted(places)
        found.append((low, high))
    return found


@pytest.mark.parametrize(
    ("start", "end"),
    [(0.0291671, 14.6146412), (0.000315751, 0.999), (0.002, 80.0), (1.0, 1.0000031), (0.5, 0.500001)],
)
@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_motion_is_the_reference_bit_for_bit(start: float, end: float, seed: int) -> None:
    tree, theirs = own(start, end, seed), reference(start, end, seed)

    for low, high in stretches(tree, 12, seed):
        if round(low, 6) != round(high, 6):
            assert torch.equal(tree.motion(low, high), cast(torch.Tensor, theirs(low, high)))


def test_the_path_does_not_depend_on_what_was_asked_before() -> None:
    asked, fresh = own(0.03, 14.6, 5), own(0.03, 14.6, 5)
    for low, high in stretches(asked, 5, 1):
        asked.motion(low, high)

    assert torch.equal(asked.motion(1.25, 9.5), fresh.motion(1.25, 9.5))


def test_two_stretches_add_up_to_the_whole() -> None:
    tree = own(0.03, 14.6, 5)

    joined = tree.motion(0.1, 3.3) + tree.motion(3.3, 12.0)

    assert torch.allclose(joined, tree.motion(0.1, 12.0), atol=1e-5)


@pytest.mark.parametrize("later", [2.0, 2.0 + 3e-7])
def test_times_that_round_to_one_have_no_motion_between_them(later: float) -> None:
    assert not own(1.0, 3.0, 5).motion(2.0, later).any()


def test_a_walk_keeps_only_what_the_next_step_needs() -> None:
    tree = own(0.03, 14.6, 5)
    levels = torch.linspace(14.0, 0.1, 200).tolist()

    for high, low in pairwise(levels):
        tree.motion(low, high)

    kept = tree._recent.used.keys() | tree._recent.before.keys()  # all the memory that grows
    assert len(kept) <= 3 * 25  # three times on the way down a tree of 25 levels
