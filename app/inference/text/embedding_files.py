"""Reads textual inversion files of every common layout out of the embeddings folder; text nodes look here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from app.files.errors import FileNotAvailable
from app.files.model_folders import ModelFolders
from app.inference.models.files.model_file import open_model_file
from app.inference.text.embeddings import Embedding

FOLDER = "embeddings"
SUFFIXES = ("", ".safetensors", ".pt", ".bin", ".ckpt", ".pth")
"""What may follow a name in a prompt; a name may also have its ending already."""

_NAMELESS = ("string_to_param.", "emb_params")  # of the web UI's files and of those made from them
_TOWERS = ("clip_l", "clip_h", "clip_g", "t5xxl")
_BUNDLE = "bundle_emb."  # embeddings that travel inside a LoRA


@dataclass(frozen=True, kw_only=True)
class FolderEmbeddings:
    """Embeddings by their file names; implements `Embeddings`.

    `readable` gives the safetensors file to read for a file of any format, or raises a ModelFileError.
    """

    folders: ModelFolders
    readable: Callable[[Path], Path]

    def find(self, name: str) -> Embedding | None:
        """The embedding in the file of that name; None where there is none or the name leads elsewhere."""
        for suffix in SUFFIXES:
            if self.folders.offers(FOLDER, name + suffix):
                try:
                    return read_embedding(self.readable(self.folders.resolve(FOLDER, name + suffix)))
                except FileNotAvailable:  # gone since it was offered
                    return None
        return None


def read_embedding(path: Path) -> Embedding | None:
    """The vectors in a safetensors file; None when it holds none. Raises a ModelFileError."""
    file = open_model_file(path)
    names = [name for name, info in file.tensors.items() if len(info.shape) in (1, 2)]
    vectors = _by_tower(dict(file.read(names)))
    return Embedding(vectors) if vectors else None


def _by_tower(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The vectors by the tower they are for, "" for those that name none."""
    nameless = [tensor for name, tensor in tensors.items() if name.startswith(_NAMELESS)]
    if nameless:
        return {"": nameless[0]}
    named = {name: tensors[name] for name in _TOWERS if name in tensors}
    if named:
        return named
    bundled = {name: tensor for name, tensor in tensors.items() if name.startswith(_BUNDLE)}
    if bundled:
        return _from_bundle(bundled)
    return {"": next(iter(tensors.values()))} if tensors else {}


def _from_bundle(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The vectors of all embeddings of a bundle one after another; `bundle_emb.NAME.clip_l` and the like."""
    towers: dict[str, list[Tensor]] = {}
    for name, tensor in tensors.items():
        tower = next((each for each in _TOWERS if name.endswith("." + each)), "")
        towers.setdefault(tower, []).append(tensor.reshape(-1, tensor.shape[-1]))
    return {tower: torch.cat(_of_one_width(parts)) for tower, parts in towers.items()}


def _of_one_width(parts: Iterable[Tensor]) -> list[Tensor]:
    first, *rest = parts
    return [first, *(part for part in rest if part.shape[-1] == first.shape[-1])]
