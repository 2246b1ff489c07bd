"""Which networks are in the memory of the device: brought there when they compute, sent home to make room.

At home a network's weights are the mapped file or main memory. `memory.py` takes networks in when they are
loaded; whatever computes with one does so inside `at_work`.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch import device as Device

from app.inference.devices import CPU, release_cached_memory

logger = logging.getLogger(__name__)

VramMode: TypeAlias = Literal["high", "normal", "low", "none"]
"""high: networks stay once they came. normal: the least recently used go when room is needed. low: one at a
time. none: layers come and go one by one while the network computes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """A tensor of a layer, at home and on the device."""

    layer: nn.Module
    name: str
    home: Tensor
    there: Tensor


class Resident:
    """A network that may be on the device; its weights of home are kept, so that sending it home is free."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.bytes = sum(getattr(layer, name).nbytes for layer, name in _slots(network))
        self.users = 0
        self._moved: list[_Moved] = []

    @property
    def away(self) -> bool:
        """Whether its weights are on the device."""
        return bool(self._moved)

    def go(self, device: Device) -> None:
        """Copy the weights to the device."""
        for layer, name in _slots(self.network):
            home = getattr(layer, name).data
            there = home.to(device, non_blocking=True)
            _put(layer, name, there)
            self._moved.append(_Moved(layer, name, home, there))

    def come_home(self) -> None:
        """Take the weights of home again; what was changed on the device meanwhile is copied back."""
        for each in self._moved:
            now = getattr(each.layer, each.name).data
            unchanged = now.device == each.there.device and now.data_ptr() == each.there.data_ptr()
            _put(each.layer, each.name, each.home if unchanged else now.to(each.home.device))
        self._moved.clear()


class Residency:
    """The device's memory as networks share it; the least recently used make room for others."""

    def __init__(self, device: Device, mode: VramMode, free_bytes: Callable[[], int]) -> None:
        """`free_bytes` tells how much of the device's memory nobody uses."""
        self.device, self.mode, self._free_bytes = device, mode, free_bytes
        self.residents: list[Resident] = []
        """All networks that are managed, the most recently used last."""

    @property
    def moves(self) -> bool:
        """Whether networks have to be moved at all: not where home is the device."""
        return self.device.type != CPU.type

    def take_in(self, network: nn.Module) -> Resident:
        """Manage a network that is at home now."""
        resident = Resident(network)
        if self.moves and self.mode == "none":
            _stream(network, self.device)
        elif self.moves:
            self.residents.append(resident)
        return resident

    @contextmanager
    def at_work(self, resident: Resident) -> Iterator[None]:
        """The network is on the device inside this block."""
        if not self.moves or self.mode == "none":
            yield
            return
        if resident not in self.residents:
            self.residents.append(resident)
        resident.users += 1
        try:
            self._bring(resident)
            yield
        finally:
            resident.users -= 1

    def make_room(self) -> None:
        """Send every network home that does not compute at this moment, and give the memory back."""
        for each in self.residents:
            if each.away and each.users == 0:
                each.come_home()
        release_cached_memory(self.device)

    def forget(self) -> None:
        """Send everything home and manage nothing any more."""
        self.make_room()
        self.residents = [each for each in self.residents if each.users > 0]

    def _bring(self, resident: Resident) -> None:
        self.residents.remove(resident)
        self.residents.append(resident)
        if resident.away:
            return
        self._evict(resident.bytes)
        try:
            resident.go(self.device)
        except torch.OutOfMemoryError:
            resident.come_home()
            logger.info("The device is full: all other networks leave it.")
            self.make_room()
            resident.go(self.device)

    def _evict(self, wanted: int) -> None:
        """Send networks home until `wanted` bytes are free; in low mode all others, in high mode none."""
        if self.mode == "high":
            return
        for each in self.residents[:-1]:
            enough = self.mode == "normal" and self._free_bytes() >= wanted
            if enough:
                return
            if each.away and each.users == 0:
                each.come_home()
                release_cached_memory(self.device)


def _slots(network: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Every layer and the names of its own weights and buffers."""
    for layer in network.modules():
        for name, _ in layer.named_parameters(recurse=False):
            yield layer, name
        for name, _ in layer.named_buffers(recurse=False):
            yield layer, name


def _put(layer: nn.Module, name: str, tensor: Tensor) -> None:
    old = getattr(layer, name)
    setattr(
        layer, name, nn.Parameter(tensor, requires_grad=False) if isinstance(old, nn.Parameter) else tensor
    )


def _stream(network: nn.Module, device: Device) -> None:
    """Let every layer bring its own weights when it is called and drop them afterwards."""
    from accelerate import cpu_offload

    cpu_offload(network, execution_device=device)
