"""`python -m ...convert_pickle FILE COPY`: writes a pickle's tensors as safetensors, without running code.

A process of its own, started by `comfy-creator convert` and by `models/pickles.py`. Says why in one line on
stderr and exits with 1 when it cannot.
"""

import json
import pickle
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors.torch import save_file
from torch import Tensor

Plain: TypeAlias = str | int | float | bool
BOOKKEEPING = (
    "pytorch_lightning.",
    "lightning.",
    "lightning_fabric.",
    "omegaconf.",
    "numpy.",
    "argparse.Namespace",
    "pathlib.",
    "typing.",
    "_codecs.encode",
)
"""What trainers leave in their files beside the weights, by the beginnings of its names."""
LONGEST_VALUE = 1000  # characters of a plain value that is kept
FORMAT = {"format": "pt"}


class CannotConvert(Exception):
    """The file cannot be read as a pickle of tensors; the text says why."""


def main(arguments: list[str]) -> int:
    """Convert; returns the exit code."""
    source, target = (Path(each) for each in arguments)
    try:
        tensors, metadata = read_pickle(source)
        save_file(tensors, target, metadata=metadata)
    except (CannotConvert, OSError) as error:
        print(str(error).splitlines()[0], file=sys.stderr)  # noqa: T201  this is the process's answer
        return 1
    return 0


def read_pickle(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by dotted names and plain values as JSON, out of the `state_dict` entry if there is one.

    Numbers of lists and dictionaries become part of the names. Everything else is left out. Raises
    CannotConvert, OSError.
    """
    content = _content(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    tensors: dict[str, Tensor] = {}
    metadata = dict(FORMAT)
    for name, value in _leaves(content, ""):
        if isinstance(value, Tensor):
            tensors[name] = value
        elif len(text := json.dumps(value)) <= LONGEST_VALUE:
            metadata[name] = text
    if not tensors:
        raise CannotConvert("it holds no tensors")
    return _apart(tensors), metadata


class LeftOut:
    """Stands in a loaded file for an object of no interest: it takes everything and does nothing."""

    def __new__(cls, *_arguments: object) -> "LeftOut":
        """Whatever the object would have been made of."""
        return super().__new__(cls)

    def __setstate__(self, _state: object) -> None:
        """Nothing to keep."""


def _content(path: Path) -> Any:
    """What the file holds, with LeftOut for what trainers note beside the weights."""
    left_out: set[str] = set()
    while True:
        try:
            with torch.serialization.safe_globals([(LeftOut, name) for name in left_out]):
                return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            name = _foreign_name(error)
            if not name.startswith(BOOKKEEPING) or name in left_out:
                raise CannotConvert(_why(error)) from error
            left_out.add(name)
        except (RuntimeError, EOFError, ValueError, LookupError, zipfile.BadZipFile) as error:
            raise CannotConvert(f"it is damaged ({_first_line(error)})") from error


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Tensor | Plain]]:
    if isinstance(value, Tensor):
        if value.layout == torch.strided and not value.is_quantized:
            yield name or "tensor", value.detach()
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _leaves(each, f"{name}.{number}" if name else str(number))
    elif isinstance(value, Plain) and name:
        yield name, value


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, each in memory of its own, as the format demands."""
    seen: set[int] = set()
    apart: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if storage in seen else tensor.contiguous()
        seen.add(storage)
    return apart


def _why(error: pickle.UnpicklingError) -> str:
    """What torch objects to, without its advice to open the file all the same."""
    text = str(error)
    if "GLOBAL" in text or "Unsupported" in text:
        found = _foreign_name(error)
        return f"it wants to run code ({found})" if found else "it wants to run code"
    return f"it is damaged ({_first_line(error)})"


def _foreign_name(error: pickle.UnpicklingError) -> str:
    """The name of the class or function that torch refuses; empty when that is not the reason."""
    return str(error).partition("Unsupported global: GLOBAL ")[2].partition(" ")[0]


def _first_line(error: Exception) -> str:
    return (str(error) or "it ends early").splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
