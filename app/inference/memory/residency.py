"""Which networks are in the memory of the device: brought there when they compute, sent home to make room.

At home a network's weights are the mapped file or main memory. `model_store.py` takes networks in when they
are loaded; whatever computes with one does so inside `at_work`.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol, TypeAlias
from weakref import ref

import torch
from torch import Tensor, nn
from torch import device as Device

from app.inference.memory.devices import CPU, release_cached_memory

logger = logging.getLogger(__name__)

VramMode: TypeAlias = Literal["high", "normal", "low", "none"]
"""high: networks stay once they came. normal: the least recently used go when room is needed. low: one at a
time. none: layers come and go one by one while the network computes; in normal and low mode so does a network
that is larger than the device. On the CPU, where "away" means "in another number format than the file's", all
modes are normal."""


class Resident(Protocol):
    """A network that may be on the device; at home it costs the device nothing."""

    @property
    def bytes(self) -> int:
        """Memory that it takes on the device."""
        ...

    @property
    def away(self) -> bool:
        """Whether its weights are on the device."""
        ...

    def go(self) -> None:
        """Bring the weights to the device."""
        ...

    def come_home(self) -> None:
        """Give the device's memory back."""
        ...

    def stream(self) -> None:
        """Let every layer bring its own weights while it computes, from now on."""
        ...


class Residency:
    """The device's memory as networks share it; the least recently used make room for others."""

    def __init__(self, device: Device, mode: VramMode, free_bytes: Callable[[], int]) -> None:
        """`free_bytes` tells how much of the device's memory nobody uses."""
        self.device, self._free_bytes = device, free_bytes
        self.mode: VramMode = "normal" if device == CPU else mode
        self._managed: list[ref[Resident]] = []  # the most recently used last; who forgets a model frees it
        self._at_work: list[Resident] = []

    @property
    def residents(self) -> list[Resident]:
        """All networks that are managed, the most recently used last."""
        return [each for known in self._managed if (each := known()) is not None]

    def take_in(self, resident: Resident) -> None:
        """Manage a network that is at home now."""
        if self.mode == "none":
            resident.stream()
        else:
            self._managed.append(ref(resident))

    @contextmanager
    def at_work(self, resident: Resident) -> Iterator[None]:
        """The network is on the device inside this block."""
        if all(each is not resident for each in self.residents):
            yield  # its layers come and go by themselves
            return
        self._at_work.append(resident)
        try:
            self._bring(resident)
            yield
        finally:
            self._at_work.remove(resident)

    def make_room(self) -> None:
        """Send every network home that does not compute at this moment, and give the memory back."""
        for each in self.residents:
            self._send_home(each)
        release_cached_memory(self.device)

    def _bring(self, resident: Resident) -> None:
        others = [each for each in self.residents if each is not resident]
        self._managed = [ref(each) for each in (*others, resident)]
        if resident.away:
            return
        self._evict(resident.bytes)
        try:
            resident.go()
        except torch.OutOfMemoryError:
            resident.come_home()
            logger.info("The device is full: all other networks leave it.")
            self.make_room()
            self._bring_all_or_by_layers(resident)

    def _bring_all_or_by_layers(self, resident: Resident) -> None:
        """A network that does not fit as a whole, with the device to itself, computes layer by layer."""
        try:
            resident.go()
        except torch.OutOfMemoryError:
            if self.mode == "high":
                raise
            logger.warning("A model is larger than the device's memory: its layers come and go one by one.")
            self._managed = [known for known in self._managed if known() is not resident]
            resident.stream()

    def _evict(self, wanted: int) -> None:
        """Send networks home until `wanted` bytes are free; in low mode all others, in high mode none."""
        if self.mode == "high":
            return
        for each in self.residents[:-1]:
            enough = self.mode == "normal" and self._free_bytes() >= wanted
            if enough:
                return
            if self._send_home(each):
                release_cached_memory(self.device)

    def _send_home(self, resident: Resident) -> bool:
        """Whether it went: a network at work stays."""
        if not resident.away or any(each is resident for each in self._at_work):
            return False
        resident.come_home()
        return True


def stream_layer(layer: nn.Module, device: Device) -> None:
    """Let a layer have its weights on the device only while it is called."""
    at_home: dict[str, Tensor] = {}

    def bring(_layer: nn.Module, _given: object) -> None:
        for name, weight in layer.named_parameters(recurse=False):
            at_home[name] = weight.data
            weight.data = weight.data.to(device, non_blocking=True)

    def send_home(_layer: nn.Module, _given: object, _result: object) -> None:
        for name, weight in layer.named_parameters(recurse=False):
            weight.data = at_home.pop(name)

    layer.register_forward_pre_hook(bring)
    layer.register_forward_hook(send_home, always_call=True)
