"""Model folders: which files may be chosen as checkpoints, LoRAs, VAEs ..., and where they lie.

The server fills menus from `list`, the executor opens what `resolve` returns; both see the same folders.
"""

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.files.errors import FileNotAvailable, UnsafeName
from app.files.extra_model_paths import ExtraPath
from app.files.safe_names import relative_parts

MODEL_SUFFIXES = frozenset({".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"})

ALIASES: Mapping[str, str] = {"unet": "diffusion_models", "clip": "text_encoders"}
"""Older names of folder keys, accepted from node packs and from extra_model_paths.yaml."""

FOLDER_KEYS = (
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "custom_nodes",
    "hypernetworks",
    "photomaker",
    "classifiers",
    "model_patches",
    "audio_encoders",
)
"""Every folder key, in the order in which `/models` lists them."""

_FOLDER_NAMES: Mapping[str, tuple[str, ...]] = {
    "text_encoders": ("text_encoders", "clip"),
    "diffusion_models": ("unet", "diffusion_models"),
    "controlnet": ("controlnet", "t2i_adapter"),
}
_OUTPUT_FOLDERS = {
    "checkpoints": "checkpoints",
    "text_encoders": "clip",
    "vae": "vae",
    "diffusion_models": "diffusion_models",
    "loras": "loras",
}
_SUFFIXES: Mapping[str, frozenset[str]] = {"configs": frozenset({".yaml"}), "custom_nodes": frozenset()}
_SETTLED_NS = 2_000_000_000
"""A folder changed less than this before it was read may change again in the same tick: read it again."""


def default_folders(base: Path, output: Path, shipped: Path | None = None) -> dict[str, list[Path]]:
    """The search folders per key under `base/models`, in `output`, and the read-only shipped ones."""
    folders = {
        key: [base / "models" / name for name in _FOLDER_NAMES.get(key, (key,))] for key in FOLDER_KEYS
    }
    folders["custom_nodes"] = [base / "custom_nodes"]
    for key, name in _OUTPUT_FOLDERS.items():
        folders[key].append(output / name)
    if shipped is not None:
        for key in FOLDER_KEYS:
            if (shipped / key).is_dir():
                folders[key].append(shipped / key)
    return folders


def with_extra(folders: Mapping[str, Sequence[Path]], extra: Iterable[ExtraPath]) -> dict[str, list[Path]]:
    """`folders` plus `extra`; keys that nobody knows yet are added at the end (node packs use such)."""
    merged = {key: list(paths) for key, paths in folders.items()}
    for each in extra:
        paths = merged.setdefault(ALIASES.get(each.key, each.key), [])
        if each.path in paths:
            paths.remove(each.path)
        paths.insert(0 if each.first else len(paths), each.path)
    return merged


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file in a model folder: `name` relative to the key's search folder number `folder_index`."""

    name: str
    folder_index: int
    path: Path


@dataclass(frozen=True, slots=True)
class _Folder:
    """What one directory held when it was read."""

    changed_ns: int
    settled: bool
    files: tuple[str, ...]
    subfolders: tuple[str, ...]


class ModelFolders:
    """Search folders by key. Listing is cached per directory and modification time; thread-safe."""

    def __init__(self, folders: Mapping[str, Sequence[Path]]) -> None:
        self._folders = {key: tuple(paths) for key, paths in folders.items()}
        self._read: dict[Path, _Folder] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_paths(cls, paths: Mapping[str, Sequence[str]]) -> "ModelFolders":
        """The twin of `as_paths`, for the executor's side of the channel."""
        return cls({key: [Path(each) for each in values] for key, values in paths.items()})

    def as_paths(self) -> dict[str, list[str]]:
        """Search folders as text, to be sent to the executor."""
        return {key: [str(each) for each in paths] for key, paths in self._folders.items()}

    @property
    def keys(self) -> tuple[str, ...]:
        """Folder keys in listing order."""
        return tuple(self._folders)

    def folders(self, key: str) -> tuple[Path, ...]:
        """Search folders of `key` (or its older name), first wins; raises FileNotAvailable."""
        paths = self._folders.get(ALIASES.get(key, key))
        if paths is None:
            raise FileNotAvailable(
                f"There is no model folder {key[:80]!r}; known are {', '.join(self._folders)}."
            )
        return paths

    def list(self, key: str) -> list[str]:
        """Relative names of all model files of `key`, with forward slashes, sorted; always current."""
        return sorted({each.name for each in self.files(key)})

    def files(self, key: str) -> "list[ModelFile]":
        """All model files of `key` in all its search folders, as found, hidden ones left out."""
        suffixes = self._suffixes(key)
        if not suffixes:
            return []
        allowed = _Allowed(self._folders)
        found: list[ModelFile] = []
        with self._lock:
            for index, root in enumerate(self.folders(key)):
                found += [
                    ModelFile(name=name, folder_index=index, path=root / name)
                    for name in self._walk(root, allowed)
                    if os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122  2,000 names per call
                ]
        return found

    def folders_with(self, key: str, marker: str) -> "list[str]":
        """Relative names of the folders of `key` that hold a file named `marker`, sorted; always current."""
        allowed = _Allowed(self._folders)
        found: set[str] = set()
        with self._lock:
            for root in self.folders(key):
                places = (name.rpartition("/") for name in self._walk(root, allowed))
                found.update(folder for folder, _, file in places if folder and file == marker)
        return sorted(found)

    def resolve(self, key: str, name: str) -> Path:
        """The absolute path of the model file `name`; backslashes mean the same as slashes.

        Raises FileNotAvailable with the folder to put the file into, for files missing or outside.
        """
        path = self._find(key, name)
        if path is None:
            raise FileNotAvailable(f"There is no file {name[:200]!r} among the {key}. {self.hint(key)}")
        return path

    def offers(self, key: str, name: str) -> bool:
        """Whether `list` holds `name` (backslashes mean the same as slashes), without listing anything."""
        suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  the name need not be a path of this system
        return suffix in self._suffixes(key) and self.has(key, name)

    def has(self, key: str, name: str) -> bool:
        """Whether `resolve` finds a file of this name, whatever its kind."""
        return self._find(key, name) is not None

    def hint(self, key: str) -> str:
        """Where a missing file of `key` has to be put: one sentence."""
        return f"Put it into {self.folders(key)[0]}, or add its folder to extra_model_paths.yaml."

    def _suffixes(self, key: str) -> frozenset[str]:
        return _SUFFIXES.get(ALIASES.get(key, key), MODEL_SUFFIXES)

    def _find(self, key: str, name: str) -> Path | None:
        try:
            parts = relative_parts(name)
        except UnsafeName:
            parts = ()
        allowed = _Allowed(self._folders)
        for root in self.folders(key):
            path = root.joinpath(*parts)
            if parts and path.is_file() and allowed.holds(path, root):
                return path.absolute()
        return None

    def _walk(self, root: Path, allowed: "_Allowed") -> "list[str]":
        names: list[str] = []
        waiting: list[tuple[Path, str]] = [(root, "")]
        seen: set[str] = set()
        while waiting:
            directory, prefix = waiting.pop()
            real = os.path.realpath(directory)
            if real in seen:  # a link that leads back up
                continue
            seen.add(real)
            folder = self._folder(directory, allowed)
            if folder is None:
                continue
            names += [prefix + each for each in folder.files]
            waiting += [(directory / each, f"{prefix}{each}/") for each in folder.subfolders]
        return names

    def _folder(self, directory: Path, allowed: "_Allowed") -> _Folder | None:
        try:
            changed_ns = directory.stat().st_mtime_ns
            known = self._read.get(directory)
            if known is not None and known.settled and known.changed_ns == changed_ns:
                return known
            folder = _read_folder(directory, changed_ns, allowed)
        except OSError:
            self._read.pop(directory, None)
            return None
        self._read[directory] = folder
        return folder


@dataclass(slots=True)
class _Allowed:
    """Whether links stay under some model folder; real paths are worked out once per listing, if ever."""

    folders: Mapping[str, Sequence[Path]]
    _roots: "list[Path]" = field(default_factory=lambda: list[Path]())

    def holds(self, path: Path, root: Path) -> bool:
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return False
        if real.is_relative_to(root.resolve()):
            return True
        if not self._roots:
            self._roots += {each.resolve() for paths in self.folders.values() for each in paths}
        return any(real.is_relative_to(root) for root in self._roots)


def _read_folder(directory: Path, changed_ns: int, allowed: _Allowed) -> _Folder:
    files: list[str] = []
    subfolders: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(".") or (
                entry.is_symlink() and not allowed.holds(Path(entry.path), directory)
            ):
                continue
            (subfolders if entry.is_dir() else files).append(entry.name)
    return _Folder(
        changed_ns=changed_ns,
        settled=time.time_ns() - changed_ns > _SETTLED_NS,
        files=tuple(files),
        subfolders=tuple(subfolders),
    )
