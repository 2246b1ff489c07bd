"""Who is on the device, who has to leave, and that weights come home as they were."""

from collections.abc import Callable

import pytest
import torch
from torch import device as Device
from torch import nn

from app.inference.residency import Residency, Resident, VramMode

DEVICE = Device("meta")  # a device that every machine has
MEGABYTE = 1_000_000


def layer() -> nn.Module:
    return nn.Linear(500, 500, bias=False)  # one megabyte


def residency(mode: VramMode, free: Callable[[Residency], int]) -> Residency:
    made = Residency(DEVICE, mode, lambda: free(made))
    return made


def room_for(networks: int) -> Callable[[Residency], int]:
    """A device that holds so many networks of one megabyte."""

    def free(who: Residency) -> int:
        return (networks - sum(each.away for each in who.residents)) * MEGABYTE

    return free


def visit(who: Residency, *residents: Resident) -> None:
    for each in residents:
        with who.at_work(each):
            assert next(each.network.parameters()).device == DEVICE


def test_weights_come_home_as_the_very_tensors_they_were() -> None:
    who = residency("normal", room_for(1))
    network = layer()
    weight = next(network.parameters())
    pointer, values = weight.data_ptr(), weight.clone()
    resident = who.take_in(network)

    visit(who, resident)
    who.make_room()

    assert next(network.parameters()).data_ptr() == pointer
    assert torch.equal(next(network.parameters()), values)


def test_the_least_recently_used_makes_room_in_normal_mode() -> None:
    who = residency("normal", room_for(2))
    first, second, third = (who.take_in(layer()) for _ in range(3))

    visit(who, first, second, first, third)

    assert [each.away for each in (first, second, third)] == [True, False, True]


def test_networks_stay_while_there_is_room() -> None:
    who = residency("normal", room_for(3))
    residents = [who.take_in(layer()) for _ in range(3)]

    visit(who, *residents)

    assert all(each.away for each in residents)


def test_in_low_mode_only_one_is_on_the_device() -> None:
    who = residency("low", room_for(9))
    residents = [who.take_in(layer()) for _ in range(3)]

    visit(who, *residents)

    assert [each.away for each in residents] == [False, False, True]


def test_in_high_mode_nobody_is_sent_home() -> None:
    who = residency("high", room_for(0))
    residents = [who.take_in(layer()) for _ in range(3)]

    visit(who, *residents)

    assert all(each.away for each in residents)


@pytest.mark.parametrize("mode", ["normal", "low"])
def test_a_network_at_work_is_never_sent_home(mode: VramMode) -> None:
    who = residency(mode, room_for(0))
    text, unet = who.take_in(layer()), who.take_in(layer())

    with who.at_work(unet):
        visit(who, text)
        who.make_room()

        assert unet.away
        assert not text.away


def test_a_full_device_is_emptied_and_asked_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    who = residency("high", room_for(9))
    old, new = who.take_in(layer()), who.take_in(layer())
    visit(who, old)
    go, tries = new.go, []

    def full_once(device: Device) -> None:
        tries.append(old.away)
        if len(tries) == 1:
            raise torch.OutOfMemoryError
        go(device)

    monkeypatch.setattr(new, "go", full_once)
    visit(who, new)

    assert tries == [True, False]


def test_where_home_is_the_device_nothing_moves() -> None:
    who = Residency(Device("cpu"), "low", lambda: 0)
    network = layer()
    resident = who.take_in(network)

    with who.at_work(resident):
        assert next(network.parameters()).device == Device("cpu")
        assert not resident.away
