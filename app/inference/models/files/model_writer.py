"""Writes safetensors files tensor by tensor: a whole model need not be in memory; saving nodes use it.

The format: eight bytes with the length of the table of contents, the table as JSON, all tensors' bytes.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import torch
from torch import Tensor

from app.inference.interrupts import Interrupted

ALIGNMENT = 8  # bytes; the table is filled up with spaces
_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True, kw_only=True)
class TensorToWrite:
    """A tensor of a file to be: its shape and number format now, its numbers when they are written."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    make: Callable[[], Tensor]

    @property
    def bytes(self) -> int:
        """Its size in the file."""
        return math.prod(self.shape) * self.dtype.itemsize


def ready(tensor: Tensor) -> TensorToWrite:
    """A tensor that is there already."""
    return TensorToWrite(shape=tuple(tensor.shape), dtype=tensor.dtype, make=lambda: tensor)


def write_model_file(
    file: BinaryIO,
    tensors: Mapping[str, TensorToWrite],
    metadata: Mapping[str, str],
    *,
    interrupted: Callable[[], bool] | None = None,
) -> None:
    """Write all tensors, each made when it is its turn.

    `interrupted` is asked before every tensor; if it says yes, Interrupted is raised.
    """
    file.write(_table(tensors, metadata))
    for name, tensor in tensors.items():
        if interrupted is not None and interrupted():
            raise Interrupted
        file.write(_bytes(name, tensor))


def _table(tensors: Mapping[str, TensorToWrite], metadata: Mapping[str, str]) -> bytes:
    table: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    place = 0
    for name, tensor in tensors.items():
        table[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [place, place + tensor.bytes],
        }
        place += tensor.bytes
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _bytes(name: str, tensor: TensorToWrite) -> memoryview:
    made = tensor.make().detach().cpu()
    if (tuple(made.shape), made.dtype) != (tensor.shape, tensor.dtype):
        raise AssertionError(f"{name} became {made.dtype} {list(made.shape)} instead of {tensor}.")
    return made.contiguous().reshape(-1).view(torch.uint8).numpy().data
