"""EasyCache: what is decided when entries come and go, and what it must not touch."""

from dataclasses import replace

import torch
from torch import Tensor

from app.inference.hooks.network import Memory, NetworkCall
from app.inference.network_changes.easy_cache import EasyCache
from tests.unit.inference.toy_model import FAMILIES, one_call

ALWAYS = EasyCache(threshold=1000.0, start_percent=0.0, end_percent=1.0)


class Network:
    """Adds the number of the call; counts calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x + self.calls


def call(sigma: float, *entries: int, memory: Memory, further: bool = False) -> NetworkCall:
    made = one_call(torch.tensor(sigma), FAMILIES["eps"])
    return replace(made, entries=entries, sides=(0,) * len(entries), memory=memory, further=further)


def x_at(sigma: float, rows: int = 1) -> Tensor:
    return torch.full((rows, 4, 8, 8), sigma)


def ran(network: Network, sigma: float, *entries: int, memory: Memory, further: bool = False) -> bool:
    before = network.calls
    (around,) = ALWAYS.hooks().around_network
    around(network, x_at(sigma, len(entries)), call(sigma, *entries, memory=memory, further=further))
    return network.calls > before


def test_third_step_is_left_out() -> None:
    network, memory = Network(), {}

    assert [ran(network, sigma, 1, memory=memory) for sigma in (10.0, 9.0, 8.0, 7.0)] == [
        True,
        True,
        False,
        False,
    ]


def test_entry_that_was_never_computed_is_computed_in_a_step_that_is_left_out() -> None:
    network, memory = Network(), {}
    for sigma in (10.0, 9.0):
        ran(network, sigma, 1, memory=memory)

    assert not ran(network, 8.0, 1, memory=memory)
    assert ran(network, 8.0, 2, memory=memory)


def test_decision_does_not_outlive_its_step_when_the_reference_is_gone() -> None:
    network, memory = Network(), {}
    for sigma in (10.0, 9.0, 8.0):
        for entry in (1, 2):
            ran(network, sigma, entry, memory=memory)

    assert ran(network, 7.0, 2, memory=memory)


def test_further_calls_of_guidance_are_always_computed_and_change_nothing() -> None:
    network, memory = Network(), {}

    for sigma in (10.0, 9.0):
        assert ran(network, sigma, 1, memory=memory)
        assert ran(network, sigma, 1, memory=memory, further=True)

    assert not ran(network, 8.0, 1, memory=memory)
    assert ran(network, 8.0, 1, memory=memory, further=True)


def test_entries_of_one_call_get_what_each_of_them_added() -> None:
    memory: Memory = {}
    (around,) = ALWAYS.hooks().around_network
    added = torch.tensor([1.0, 5.0]).view(2, 1, 1, 1)
    for sigma in (10.0, 9.0):
        around(lambda x: x + added, x_at(sigma, 2), call(sigma, 1, 2, memory=memory))

    left_out = around(lambda x: x, x_at(8.0, 2), call(8.0, 1, 2, memory=memory))

    assert torch.equal(left_out, x_at(8.0, 2) + added)


def test_input_is_not_written_to() -> None:
    memory: Memory = {}
    network = Network()
    (around,) = ALWAYS.hooks().around_network
    for sigma in (10.0, 9.0, 8.0):
        x = x_at(sigma)
        around(network, x, call(sigma, 1, memory=memory))
        assert torch.equal(x, x_at(sigma))


def test_two_nodes_with_equal_values_keep_their_own_books() -> None:
    again = EasyCache(threshold=1000.0, start_percent=0.0, end_percent=1.0)

    assert again != ALWAYS
