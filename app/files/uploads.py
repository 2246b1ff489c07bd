"""Input files: names with a folder suffix, menus of inputs, storing uploads; routes and nodes."""

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.files.beneath import open_file, write_file
from app.files.errors import FileNotAvailable, UnsafeName
from app.files.folders import DataFolders
from app.files.safe_names import contained, relative_parts, safe_segment

FOLDER_TYPES = ("input", "output", "temp")
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """Where an uploaded file lies: `subfolder` has forward slashes, `type` is input, output or temp."""

    name: str
    subfolder: str
    type: str


def root_of(folders: DataFolders, folder_type: str) -> Path:
    """The root for input, output or temp; raises UnsafeName for any other word."""
    roots = {"input": folders.input, "output": folders.output, "temp": folders.temp}
    if folder_type not in roots:
        raise UnsafeName(f"The type {folder_type[:40]!r} is not one of input, output, temp.")
    return roots[folder_type]


def split_annotated(name: str, default_type: str = "input") -> tuple[str, str]:
    """`("a.png", "output")` of "a.png [output]"; without a suffix the type is `default_type`."""
    for folder_type in FOLDER_TYPES:
        suffix = f"[{folder_type}]"
        if name.endswith(suffix):
            return name[: -len(suffix)].removesuffix(" "), folder_type
    return name, default_type


def resolve_annotated(folders: DataFolders, name: str, default_type: str = "input") -> Path:
    """The existing file that "sub/a.png [temp]" names; raises FileNotAvailable, naming its folder."""
    plain, folder_type = split_annotated(name, default_type)
    root = root_of(folders, folder_type)
    try:
        path = contained(root, relative_parts(plain))
    except (UnsafeName, FileNotAvailable) as exc:
        raise _missing(plain, folder_type, root) from exc
    if not path.is_file():
        raise _missing(plain, folder_type, root)
    return path


def open_annotated(folders: DataFolders, name: str, default_type: str = "input") -> io.BufferedReader:
    """As `resolve_annotated`, opened for reading in a way that swapped links cannot redirect."""
    plain, folder_type = split_annotated(name, default_type)
    return open_file(root_of(folders, folder_type), relative_parts(plain))


def _missing(name: str, folder_type: str, root: Path) -> FileNotAvailable:
    return FileNotAvailable(
        f"There is no {folder_type} file {name[:200]!r}: put it into {root}, or upload it at the node."
    )


def input_files(folders: DataFolders) -> list[str]:
    """Names of all files directly in the input folder, sorted, hidden ones left out."""
    try:
        with os.scandir(folders.input) as entries:
            return sorted(each.name for each in entries if not each.name.startswith(".") and each.is_file())
    except OSError:
        return []


def input_images(folders: DataFolders) -> list[str]:
    """Those of `input_files` whose suffix says picture."""
    return [each for each in input_files(folders) if Path(each).suffix.lower() in IMAGE_SUFFIXES]


def output_images(folders: DataFolders) -> list[str]:
    """Pictures directly in the output folder, the newest first, each as "a.png [output]"."""
    names = newest_first(folders.output)
    return [f"{each} [output]" for each in names if Path(each).suffix.lower() in IMAGE_SUFFIXES]


def input_latents(folders: DataFolders) -> list[str]:
    """Those of `input_files` that hold latents."""
    return [each for each in input_files(folders) if each.endswith(".latent")]


def store_upload(
    folders: DataFolders, *, name: str, content: bytes, folder_type: str, subfolder: str, overwrite: bool
) -> StoredFile:
    """Write an uploaded file and say where it is.

    An existing file of that name with the same content is returned as it is; with other content the new
    file is called `name (1).ext`, `name (2).ext`, ... unless `overwrite`. Raises UnsafeName, OutOfDiskSpace.
    """
    root = root_of(folders, folder_type)
    folder = relative_parts(subfolder)
    digest = hashlib.sha256(content).digest()
    for candidate in _candidates(safe_segment(name)):
        parts = (*folder, candidate)
        stored = StoredFile(name=candidate, subfolder="/".join(folder), type=folder_type)
        if not overwrite and _digest(root, parts) == digest:
            return stored
        try:
            write_file(root, parts, content, overwrite=overwrite)
        except FileExistsError:
            continue
        return stored
    raise UnsafeName(f"There are too many files called {name[:80]!r}; choose another name.")


def _candidates(name: str) -> Iterator[str]:
    yield name
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem:
        stem, dot, suffix = name, "", ""
    for number in range(1, 10_000):
        yield f"{stem} ({number}){dot}{suffix}"


def _digest(root: Path, parts: tuple[str, ...]) -> bytes | None:
    try:
        with open_file(root, parts) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except FileNotAvailable:
        return None


def newest_first(root: Path) -> list[str]:
    """Names of the files directly in `root`, the newest first, hidden ones left out."""
    try:
        with os.scandir(root) as entries:
            found = [
                (each.stat().st_mtime_ns, each.name)
                for each in entries
                if not each.name.startswith(".") and each.is_file()
            ]
    except OSError:
        return []
    return [name for _, name in sorted(found, reverse=True)]
