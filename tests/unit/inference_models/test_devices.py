"""What is computed where and in which format, and what the statistics say about it."""

import pytest
import torch
from torch import device as Device

from app.inference.memory.devices import (
    choose_device,
    compute_dtype,
    describe_devices,
    memory_budget_bytes,
    release_cached_memory,
)

CPU = Device("cpu")


def test_the_cpu_can_be_forced() -> None:
    assert choose_device(cpu=True) == CPU


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="has a GPU")
def test_without_a_gpu_the_cpu_is_chosen() -> None:
    assert choose_device() == CPU


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_with_a_gpu_it_is_chosen_and_described() -> None:
    device = choose_device()

    (described,) = describe_devices(device)

    assert device.type == described.type == "cuda"
    assert described.index == device.index
    assert 0 < described.vram_free <= described.vram_total


@pytest.mark.parametrize(
    ("device", "expected"), [("cpu", torch.float32), ("cuda", torch.float16), ("mps", torch.float16)]
)
def test_number_format_follows_the_device(device: str, expected: torch.dtype) -> None:
    assert compute_dtype(Device(device)) == expected


def test_cpu_is_described_with_the_memory_of_the_machine() -> None:
    (described,) = describe_devices(CPU)

    assert (described.type, described.index) == ("cpu", None)
    assert described.name
    assert 0 < described.vram_free <= described.vram_total


def test_budget_leaves_room_for_everything_else() -> None:
    (described,) = describe_devices(CPU)

    release_cached_memory(CPU)  # nothing to do here

    assert 0.5 * described.vram_total < memory_budget_bytes(CPU) < 0.8 * described.vram_total
