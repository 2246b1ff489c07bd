"""Models stay loaded between prompts, within a budget, until their file changes."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import device as Device
from torch import nn

from app.inference.memory.model_store import ModelStore, expected_bytes, loaded_bytes, ran_out_of_memory
from app.inference.models.checkpoint import load_checkpoint
from tests.checkpoints import Tiny, save_tiny

CPU = Device("cpu")


@dataclass(frozen=True, eq=False)
class Loaded:
    network: nn.Module
    again: nn.Module


class Loader:
    """Counts how often each file was loaded; a loaded model takes 400 bytes."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, path: Path, device: Device) -> Loaded:
        self.names.append(path.name)
        network = nn.Linear(10, 10, bias=False, device=device)
        return Loaded(network, network)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths:
        path.write_bytes(b"x")
    return paths


def test_loaded_model_is_used_again(files: list[Path]) -> None:
    store, load = ModelStore(CPU, 10_000), Loader()

    assert store.get("checkpoint", files[0], load) is store.get("checkpoint", files[0], load)
    assert store.get("vae", files[0], load) is not store.get("checkpoint", files[0], load)
    assert load.names == ["a", "a"]
    assert store.bytes == 800


def test_replaced_file_is_loaded_again_and_the_old_one_forgotten(files: list[Path]) -> None:
    store, load = ModelStore(CPU, 10_000), Loader()
    first = store.get("checkpoint", files[0], load)
    files[0].write_bytes(b"xy")
    second = store.get("checkpoint", files[0], load)
    os.utime(files[0], ns=(1, 1))
    third = store.get("checkpoint", files[0], load)

    assert len({id(first), id(second), id(third)}) == 3
    assert store.bytes == 400


def test_least_recently_used_model_goes_first(files: list[Path]) -> None:
    store, load = ModelStore(CPU, 800), Loader()
    for file in (files[0], files[1], files[0], files[2], files[0], files[1]):
        store.get("checkpoint", file, load)

    assert load.names == ["a", "b", "c", "b"]
    assert store.bytes == 800


def test_model_larger_than_the_budget_works_but_is_not_kept(files: list[Path]) -> None:
    store, load = ModelStore(CPU, 399), Loader()

    assert isinstance(store.get("checkpoint", files[0], load), Loaded)
    assert store.bytes == 0


def test_free_forgets_everything(files: list[Path]) -> None:
    store, load = ModelStore(CPU, 10_000), Loader()
    store.get("checkpoint", files[0], load)

    store.free()

    assert store.bytes == 0
    store.get("checkpoint", files[0], load)
    assert load.names == ["a", "a"]


def test_failed_load_is_tried_again(files: list[Path]) -> None:
    store = ModelStore(CPU, 10_000)

    def fail(path: Path, device: Device) -> Loaded:
        raise ValueError(path.name)

    with pytest.raises(ValueError, match="a"):
        store.get("checkpoint", files[0], fail)
    assert isinstance(store.get("checkpoint", files[0], Loader()), Loaded)


def test_shared_weights_count_once() -> None:
    network = nn.Linear(10, 10, bias=False)

    assert loaded_bytes(Loaded(network, network)) == 400
    assert loaded_bytes(network.to(torch.float16)) == 200


def test_all_parts_of_a_checkpoint_count(tmp_path: Path) -> None:
    path = save_tiny(tmp_path / "tiny.safetensors", Tiny(text_layers=1, vae_mult=(1, 1)))

    checkpoint = load_checkpoint(path, CPU)

    assert loaded_bytes(checkpoint) == sum(each.nbytes for each in load_file(path).values())


def test_room_is_made_before_the_next_model_is_loaded(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.safetensors" for name in ("a", "b")]
    for path in paths:
        save_file({"weight": torch.zeros(100, dtype=torch.float16)}, path)
    store = ModelStore(CPU, 700)  # one of them, as float32 on the CPU
    loaded_at_load: list[int] = []

    def load(path: Path, device: Device) -> Loaded:
        loaded_at_load.append(store.bytes)
        return Loader()(path, device)

    for path in paths:
        store.get("checkpoint", path, load)

    assert expected_bytes(paths[0], CPU) == 400
    assert loaded_at_load == [0, 0]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
            True,
        ),
        (RuntimeError("The size of tensor a (4) must match the size of tensor b (5)"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_running_out_of_memory_is_told_from_other_errors(error: Exception, expected: bool) -> None:
    assert ran_out_of_memory(error) == expected


def test_an_allocation_that_cannot_be_met_is_recognised() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60, dtype=torch.uint8)

    assert ran_out_of_memory(raised.value)


def test_free_gives_the_memory_of_models_back_that_somebody_still_holds(tmp_path: Path) -> None:
    """As results of loader nodes do while a prompt runs, when memory runs out in it."""
    sizes = Tiny(text_layers=1, vae_mult=(1, 1))
    path = save_tiny(tmp_path / "tiny.safetensors", sizes, dtype=torch.float16)
    store = ModelStore(CPU, 10**9)
    held = store.get("checkpoint", path, load_checkpoint)
    unet = held.diffusion_model.network.network
    with held.diffusion_model.at_work():
        assert {each.dtype for each in unet.parameters()} == {torch.float32}

    store.free()

    assert {each.dtype for each in unet.parameters()} == {torch.float16}  # the mapped file's own
    with held.diffusion_model.at_work():
        assert {each.dtype for each in unet.parameters()} == {torch.float32}


def test_bf16_on_the_cpu_is_for_diffusion_models_only(tmp_path: Path) -> None:
    path = save_tiny(tmp_path / "tiny.safetensors", Tiny(text_layers=1, vae_mult=(1, 1)))
    store = ModelStore(CPU, 10**9, cpu_dtype=torch.bfloat16)

    checkpoint = store.get("checkpoint", path, load_checkpoint)

    assert checkpoint.text_encoder is not None
    unet, text = checkpoint.diffusion_model.network.network, checkpoint.text_encoder.towers[0]
    with checkpoint.diffusion_model.at_work(), text.network.weights.at_work():
        assert {each.dtype for each in unet.parameters()} == {torch.bfloat16}
        assert {each.dtype for each in text.network.weights.network.parameters()} == {torch.float32}
