"""Who is on the device, who has to leave, and that weights come home as they were."""

from collections.abc import Callable

import pytest
import torch
from torch import device as Device
from torch import nn

from app.inference.memory.devices import CPU
from app.inference.memory.residency import Residency, VramMode, stream_layer

DEVICE = Device("meta")  # a device that every machine has
MEGABYTE = 1_000_000


class Network:
    """Takes a megabyte."""

    bytes = MEGABYTE

    def __init__(self) -> None:
        self.away = False
        self.streamed = False

    def go(self) -> None:
        self.away = True

    def come_home(self) -> None:
        self.away = False

    def stream(self) -> None:
        self.streamed = True


def taken_in(who: Residency, count: int) -> list[Network]:
    networks = [Network() for _ in range(count)]
    for each in networks:
        who.take_in(each)
    return networks


def residency(mode: VramMode, free: Callable[[Residency], int]) -> Residency:
    made = Residency(DEVICE, mode, lambda: free(made))
    return made


def room_for(networks: int) -> Callable[[Residency], int]:
    """A device that holds so many networks of one megabyte."""

    def free(who: Residency) -> int:
        return (networks - sum(each.away for each in who.residents)) * MEGABYTE

    return free


def visit(who: Residency, *networks: Network) -> None:
    for each in networks:
        with who.at_work(each):
            assert each.away


def test_the_least_recently_used_makes_room_in_normal_mode() -> None:
    who = residency("normal", room_for(2))
    first, second, third = taken_in(who, 3)

    visit(who, first, second, first, third)

    assert [each.away for each in (first, second, third)] == [True, False, True]


def test_networks_stay_while_there_is_room() -> None:
    who = residency("normal", room_for(3))
    residents = taken_in(who, 3)

    visit(who, *residents)

    assert all(each.away for each in residents)


def test_in_low_mode_only_one_is_on_the_device() -> None:
    who = residency("low", room_for(9))
    residents = taken_in(who, 3)

    visit(who, *residents)

    assert [each.away for each in residents] == [False, False, True]


def test_in_high_mode_nobody_is_sent_home() -> None:
    who = residency("high", room_for(0))
    residents = taken_in(who, 3)

    visit(who, *residents)

    assert all(each.away for each in residents)


@pytest.mark.parametrize("mode", ["normal", "low"])
def test_a_network_at_work_is_never_sent_home(mode: VramMode) -> None:
    who = residency(mode, room_for(0))
    text, unet = taken_in(who, 2)

    with who.at_work(unet):
        visit(who, text)
        who.make_room()

        assert unet.away
        assert not text.away


def test_a_full_device_is_emptied_and_asked_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    who = residency("high", room_for(9))
    old, new = taken_in(who, 2)
    visit(who, old)
    go, others_there = new.go, []

    def full_once() -> None:
        others_there.append(old.away)
        if len(others_there) == 1:
            raise torch.OutOfMemoryError
        go()

    monkeypatch.setattr(new, "go", full_once)
    visit(who, new)

    assert others_there == [True, False]


@pytest.mark.parametrize("mode", ["normal", "low"])
def test_a_network_larger_than_the_device_computes_by_layers(
    monkeypatch: pytest.MonkeyPatch, mode: VramMode
) -> None:
    who = residency(mode, room_for(1))
    small, large = taken_in(who, 2)

    def full() -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(large, "go", full)
    visit(who, small)
    for _ in range(2):
        with who.at_work(large):
            assert (large.streamed, large.away, small.away) == (True, False, False)

    assert who.residents == [small]


@pytest.mark.parametrize("mode", ["high", "normal", "low", "none"])
def test_on_the_cpu_the_least_recently_used_gives_its_memory_back_in_any_mode(mode: VramMode) -> None:
    who = Residency(CPU, mode, lambda: (2 - sum(each.away for each in who.residents)) * MEGABYTE)
    first, second, third = taken_in(who, 3)

    visit(who, first, second, first, third)

    assert [each.away for each in (first, second, third)] == [True, False, True]
    who.make_room()
    assert not any(each.away for each in (first, second, third))


def test_a_forgotten_network_is_not_kept() -> None:
    who = residency("normal", room_for(9))
    networks = taken_in(who, 2)

    networks.pop()

    assert len(who.residents) == 1


def test_in_mode_none_a_network_is_streamed_and_never_moved_as_a_whole() -> None:
    who = residency("none", room_for(9))

    (network,) = taken_in(who, 1)
    with who.at_work(network):
        assert (network.streamed, network.away) == (True, False)


def test_a_streamed_layer_has_its_weights_on_the_device_only_while_it_is_called() -> None:
    seen: list[torch.dtype] = []

    class Watching(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            seen.append(self.weight.dtype)
            return super().forward(input)

    layer = Watching(4, 4)
    pointer = layer.weight.data_ptr()
    stream_layer(layer, CPU)

    layer(torch.ones(4))

    assert seen == [torch.float32]
    assert layer.weight.data_ptr() == pointer
