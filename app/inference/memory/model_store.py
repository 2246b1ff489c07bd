"""Loaded models, kept between prompts within a budget; loader nodes ask, the executor empties it."""

import gc
import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from cachetools import LRUCache
from torch import device as Device
from torch import nn

from app.inference.memory.devices import (
    compute_dtype,
    memory_budget_bytes,
    release_cached_memory,
    spare_memory_bytes,
)
from app.inference.memory.residency import Residency, VramMode
from app.inference.models.errors import ModelFileError
from app.inference.models.files.model_file import open_model_file
from app.inference.models.files.pickles import REFUSED, Pickles
from app.inference.models.unet.walk import UNet
from app.inference.models.weights import PatchedWeights

Model = TypeVar("Model")
Part = TypeVar("Part")

logger = logging.getLogger(__name__)


class OutOfMemory(Exception):
    """A node needed more memory than there is, also after all models had been unloaded."""

    code = "out_of_memory"

    def __init__(self, device: Device) -> None:
        super().__init__(
            f"There is not enough memory on {device} for this step, even with all other models unloaded. "
            "Make the picture or the batch smaller, decode in tiles (VAE Decode (Tiled)), or start with "
            "--lowvram or --novram."
        )


@dataclass(frozen=True, kw_only=True)
class _Key:
    """What a loaded model depends on: how it was loaded and which state of which file."""

    kind: str
    path: str
    modified_ns: int
    size: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loaded:
    model: Any
    bytes: int


class ModelStore:
    """Models by file and kind; the least recently used go first when the budget is spent."""

    def __init__(
        self,
        device: Device,
        budget_bytes: int | None = None,
        *,
        vram: VramMode = "normal",
        cpu_dtype: torch.dtype = torch.float32,
        pickles: Pickles = REFUSED,
    ) -> None:
        """`cpu_dtype` is the number format of diffusion models where `device` is the CPU."""
        self.readable = pickles.readable
        """The file to read in place of one of any format; raises a ModelFileError."""
        self.device = device
        self._cpu_dtype = cpu_dtype
        self.residency = Residency(device, vram, lambda: spare_memory_bytes(device))
        budget = memory_budget_bytes(device) if budget_bytes is None else budget_bytes
        self._loaded: LRUCache[_Key, _Loaded] = LRUCache(budget, getsizeof=lambda entry: entry.bytes)

    def get(self, kind: str, path: Path, load: Callable[[Path, Device], Model]) -> Model:
        """The model of that file, loaded by `load` unless it is here already.

        A file that was replaced is loaded again. Before a load, the least recently used models go until what
        the file's table of contents announces has room. A model larger than the whole budget is not kept.
        Passes on what `load` raises; a missing file is left to `load` to complain about.
        """
        key = _key(kind, path)
        if key is not None and key in self._loaded:
            return self._loaded[key].model
        path = self.readable(path)
        if key is not None:
            self._forget_older(key)
            self._prepare_for(expected_bytes(path, self.device))
        model = load(path, self.device)
        self._take_in(model)
        size = loaded_bytes(model)
        if key is not None and size <= self._loaded.maxsize:
            self._loaded[key] = _Loaded(model=model, bytes=size)
        return model

    @property
    def bytes(self) -> int:
        """Memory of all models kept."""
        return int(self._loaded.currsize)

    def free(self) -> None:
        """Forget all models and give their memory back to the device and the system."""
        self._loaded.clear()
        gc.collect()
        self.residency.make_room()

    def make_room_after(self, error: Exception) -> bool:
        """Unload everything if `error` says that memory ran out; whether it is worth another try."""
        if not ran_out_of_memory(error):
            return False
        logger.warning("Memory ran out: all models are unloaded and the node is called once more.")
        self.free()
        return True

    def raise_if_memory_ran_out(self, error: Exception) -> None:
        """Raise OutOfMemory from `error` if that is what it means, with everything given back."""
        if ran_out_of_memory(error):
            self.free()
            raise OutOfMemory(self.device) from error

    def _take_in(self, model: object) -> None:
        """Let a loaded model share the device with the others, in the number format that was asked for."""
        if self._cpu_dtype != torch.float32 and self.device.type == "cpu":
            for network in parts_of(model, UNet):
                network.weights.compute_in(self._cpu_dtype)
        for weights in parts_of(model, PatchedWeights):
            weights.managed_by(self.residency)

    def _prepare_for(self, wanted: int) -> None:
        """Let the least recently used models go until a model of so many bytes fits the budget."""
        if wanted > self._loaded.maxsize:
            return  # it will not be kept; others need not go for it
        dropped = False
        while self._loaded.currsize + wanted > self._loaded.maxsize:
            self._loaded.popitem()
            dropped = True
        if dropped:
            gc.collect()
            release_cached_memory(self.device)

    def _forget_older(self, key: _Key) -> None:
        for other in [each for each in self._loaded if (each.kind, each.path) == (key.kind, key.path)]:
            del self._loaded[other]


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, on a GPU or in the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def expected_bytes(path: Path, device: Device) -> int:
    """Memory that the weights of a safetensors file will take, from its table of contents; 0 when unknown."""
    try:
        file = open_model_file(path)
    except ModelFileError:
        return 0  # the loader says what is wrong with it
    numbers = sum(math.prod(info.shape) for info in file.tensors.values())
    return numbers * compute_dtype(device).itemsize


def loaded_bytes(model: object) -> int:
    """Bytes that all weights of the networks of a loaded model take when they compute."""
    sizes = {tensor: tensor.nbytes for each in parts_of(model, nn.Module) for tensor in each.parameters()}
    for weights in parts_of(model, PatchedWeights):
        sizes |= {tensor: tensor.numel() * weights.dtype.itemsize for tensor in weights.network.parameters()}
    return sum(sizes.values())


def parts_of(model: object, kind: type[Part]) -> list[Part]:
    """Everything of a kind that a loaded model consists of, the model itself included."""
    if isinstance(model, kind):
        return [model]
    found: list[Part] = []
    for value in vars(model).values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, kind):
                found.append(part)
            elif type(part).__module__.startswith("app.inference.models"):
                found.extend(parts_of(part, kind))
    return found


def _key(kind: str, path: Path) -> _Key | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _Key(kind=kind, path=os.path.realpath(path), modified_ns=status.st_mtime_ns, size=status.st_size)
