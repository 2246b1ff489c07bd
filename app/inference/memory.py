"""Loaded models, kept between prompts within a budget; loader nodes ask, the executor empties it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cachetools import LRUCache
from torch import device as Device
from torch import nn

from app.inference.devices import memory_budget_bytes, release_cached_memory

Model = TypeVar("Model")


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

    def __init__(self, device: Device, budget_bytes: int | None = None) -> None:
        self.device = device
        budget = memory_budget_bytes(device) if budget_bytes is None else budget_bytes
        self._loaded: LRUCache[_Key, _Loaded] = LRUCache(budget, getsizeof=lambda entry: entry.bytes)

    def get(self, kind: str, path: Path, load: Callable[[Path, Device], Model]) -> Model:
        """The model of that file, loaded by `load` unless it is here already.

        A file that was replaced is loaded again. A model larger than the whole budget is not kept. Passes on
        what `load` raises; a missing file is left to `load` to complain about.
        """
        key = _key(kind, path)
        if key is not None and key in self._loaded:
            return self._loaded[key].model
        model = load(path, self.device)
        size = loaded_bytes(model)
        if key is not None and size <= self._loaded.maxsize:
            self._forget_older(key)
            self._loaded[key] = _Loaded(model=model, bytes=size)
        return model

    @property
    def bytes(self) -> int:
        """Memory of all models kept."""
        return int(self._loaded.currsize)

    def free(self) -> None:
        """Forget all models and give their memory back."""
        self._loaded.clear()
        release_cached_memory(self.device)

    def _forget_older(self, key: _Key) -> None:
        for other in [each for each in self._loaded if (each.kind, each.path) == (key.kind, key.path)]:
            del self._loaded[other]


def loaded_bytes(model: object) -> int:
    """Bytes of all weights in the networks that a loaded model consists of."""
    networks = [model] if isinstance(model, nn.Module) else list(_networks(model))
    weights = {tensor.data_ptr(): tensor.nbytes for network in networks for tensor in network.parameters()}
    return sum(weights.values())


def _networks(model: object) -> list[nn.Module]:
    found: list[nn.Module] = []
    for value in vars(model).values():
        if isinstance(value, nn.Module):
            found.append(value)
        elif type(value).__module__.startswith("app.inference.models"):
            found.extend(_networks(value))
    return found


def _key(kind: str, path: Path) -> _Key | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _Key(kind=kind, path=os.path.realpath(path), modified_ns=status.st_mtime_ns, size=status.st_size)
