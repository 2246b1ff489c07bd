"""Reads safetensors files: the table of contents first, tensors later, mapped from disk; for all loaders."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from app.inference.models.errors import (
    ModelFileDamaged,
    ModelFileError,
    ModelFileMissing,
    NotAModelFile,
    PickleRefused,
)

HEADER_LIMIT_BYTES = 100_000_000  # the safetensors format's own limit
PICKLE_SUFFIXES = frozenset({".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl"})

_PICKLE_BEGINNINGS = (b"PK\x03\x04", b"\x80")  # torch's archive, and the bare protocol before it
_KNOWN_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "is only a Git LFS pointer, not the file itself"),
    (b"<!doctype html", "is a web page, not a model"),
    (b"<html", "is a web page, not a model"),
    (b"gguf", "is a GGUF file, a format that cannot be loaded yet"),
    (b"\x89png", "is a picture, not a model"),
    (b"\xff\xd8\xff", "is a picture, not a model"),
    (b"\x1f\x8b", "is a gzip archive, not a model"),
)


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """What the table of contents says about one tensor; `dtype` in safetensors' words (F16, BF16, F32)."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """The table of contents of a safetensors file."""

    path: Path
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]

    def read(self, names: list[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield (name, tensor) on the CPU as stored; the memory is the file itself until it is written to."""
        try:
            with safe_open(self.path, framework="pt", device="cpu") as reader:
                for name in names:
                    yield name, reader.get_tensor(name)
        except FileNotFoundError as error:
            raise _missing(self.path) from error
        except SafetensorError as error:
            raise ModelFileDamaged(
                self.path, f"contradicts its own table of contents ({error})", "Download or copy it again."
            ) from error


def open_model_file(path: Path) -> ModelFile:
    """Read the table of contents of a safetensors file; raises a ModelFileError that says what is wrong."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(512)
            header = _read_header(path, start, size)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise _missing(path) from error
    metadata: Mapping[str, str] = header.pop("__metadata__", None) or {}
    tensors, end = _read_entries(path, header)
    data_start = 8 + int.from_bytes(start[:8], "little")
    if data_start + end > size:
        have, want = size / 1e6, (data_start + end) / 1e6
        raise ModelFileDamaged(
            path,
            f"is incomplete: {have:.1f} MB of {want:.1f} MB are there",
            "Download or copy it again.",
        )
    return ModelFile(path=path, tensors=tensors, metadata=metadata)


def is_pickle(path: Path) -> bool:
    """Whether the file begins as pickles of models do, and not as safetensors; raises OSError."""
    with path.open("rb") as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], "little")  # its first byte may be that of a pickle
    is_safetensors = start[8:] == b"{" and length <= HEADER_LIMIT_BYTES
    return start.startswith(_PICKLE_BEGINNINGS) and not is_safetensors


def pickle_refused(path: Path) -> PickleRefused:
    """The error that names both ways out."""
    return PickleRefused(
        path,
        "is a Python pickle, which can run code of its author when it is opened",
        f'In its folder, make a safe copy of it with `comfy-creator convert "{path.name}"`, '
        "or start with --allow-pickle.",
    )


def _read_header(path: Path, start: bytes, size: int) -> dict[str, Any]:
    length = int.from_bytes(start[:8], "little")
    if size < 8 or length > HEADER_LIMIT_BYTES or start[8:9] != b"{":
        raise _not_safetensors(path, start, size)
    if 8 + length > size:
        raise ModelFileDamaged(path, "ends within its table of contents", "Download or copy it again.")
    with path.open("rb") as file:
        file.seek(8)
        raw = file.read(length)
    try:
        header = json.loads(raw)
    except ValueError as error:
        raise ModelFileDamaged(
            path, "has an unreadable table of contents", "Download or copy it again."
        ) from error
    if not isinstance(header, dict):
        raise ModelFileDamaged(path, "has an unreadable table of contents", "Download or copy it again.")
    return header


def _read_entries(path: Path, header: dict[str, Any]) -> tuple[dict[str, TensorInfo], int]:
    tensors: dict[str, TensorInfo] = {}
    end = 0
    try:
        for name, entry in header.items():
            tensors[name] = TensorInfo(shape=tuple(int(n) for n in entry["shape"]), dtype=entry["dtype"])
            end = max(end, int(entry["data_offsets"][1]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelFileDamaged(
            path, "has an unreadable table of contents", "Download or copy it again."
        ) from error
    if not tensors:
        raise NotAModelFile(path, "holds no tensors", "Choose a file with weights.")
    return tensors, end


def _not_safetensors(path: Path, start: bytes, size: int) -> ModelFileError:
    remedy = "Download the model again and put the .safetensors file in its place."
    if size == 0:
        return ModelFileDamaged(path, "is empty", remedy)
    if start.startswith(_PICKLE_BEGINNINGS) or path.suffix.lower() in PICKLE_SUFFIXES:
        return pickle_refused(path)
    lowered = start.lstrip().lower()
    for beginning, what in _KNOWN_BEGINNINGS:
        if lowered.startswith(beginning):
            return NotAModelFile(path, what, remedy)
    if _looks_like_text(start):
        return NotAModelFile(path, "is a text file, not a model", remedy)
    return NotAModelFile(path, "is no safetensors file", remedy)


def _looks_like_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # more than a character cut off at the end
            return False
        text = start[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)


def _missing(path: Path) -> ModelFileMissing:
    return ModelFileMissing(path, "is not there any more", "Choose another file or put it back.")
