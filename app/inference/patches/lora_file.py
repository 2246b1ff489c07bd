"""Opens LoRA files of every dialect: which key is which part of which layer; nodes and patches use it."""

import os
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from torch import Tensor

from app.inference.models.files.model_file import open_model_file
from app.inference.patches.adapter import Adapter, Parts
from app.inference.patches.boft import read_boft
from app.inference.patches.dora import Dora
from app.inference.patches.full import Difference, Replacement
from app.inference.patches.glora import read_glora
from app.inference.patches.loha import read_loha
from app.inference.patches.lokr import read_lokr
from app.inference.patches.lora import read_lora
from app.inference.patches.oft import read_oft

_PART = re.compile(
    r"""
      [._]lora\.(?P<dot>down|up)\.weight            # diffusers' attention processors
    | \.lora_linear_layer\.(?P<linear>down|up)\.weight  # old diffusers text encoders
    | \.lora_(?P<kohya>down|up|mid)\.weight         # kohya's trainer and LyCORIS
    | \.lora_(?P<peft>[AB])(?:\.(?!weight$|bias$)\w+)?(?:\.weight)?  # PEFT, with or without adapter name
    | \.(?P<magnitude>lora_magnitude_vector)(?:\.(?!weight$)\w+)?(?:\.weight)?  # PEFT's DoRA
    | \.(?P<glora>[ab][12])\.weight
    | \.(?P<plain>alpha|dora_scale|rescale|oft_blocks|diff|diff_b|set_weight|w_norm|b_norm
        |hada_w[12]_[ab]|hada_t[12]|lokr_w[12](?:_[ab])?|lokr_t[12])
    $""",
    re.VERBOSE,
)
_PEFT = {"A": "down", "B": "up"}
_PEFT_MAGNITUDE = "lora_magnitude_vector"
_READERS = (read_lora, read_loha, read_lokr, read_oft, read_boft, read_glora)
_Forms: TypeAlias = tuple[tuple[str, Callable[[Tensor], Adapter]], ...]
_WEIGHT_FORMS: _Forms = (("w_norm", Difference), ("diff", Difference), ("set_weight", Replacement))
_BIAS_FORMS: _Forms = (("b_norm", Difference), ("diff_b", Difference))


@dataclass(frozen=True, kw_only=True, eq=False)
class LoraFile:
    """The parts of every layer by the layer's name as the file gives it; tensors are mapped from disk."""

    path: Path
    identity: Hashable
    layers: Mapping[str, Parts]
    strange_keys: tuple[str, ...]
    """Keys that no dialect knows."""


def open_lora(path: Path) -> LoraFile:
    """Read which layers a LoRA file changes; raises a ModelFileError when it is no file of tensors."""
    file = open_model_file(path)
    status = path.stat()
    layers: dict[str, dict[str, Tensor]] = {}
    strange: list[str] = []
    for key, tensor in file.read(list(file.tensors)):
        layer, part = split_key(key)
        if part is None:
            strange.append(key)
        else:
            layers.setdefault(layer, {})[part] = tensor
    return LoraFile(
        path=path,
        identity=(os.path.realpath(path), status.st_mtime_ns, status.st_size),
        layers=layers,
        strange_keys=tuple(strange),
    )


def split_key(key: str) -> tuple[str, str | None]:
    """Layer and part that a key names, such as (`lora_unet_out_2`, `down`); part None: it is no such key."""
    found = _PART.search(key)
    if found is None or found.end() != len(key):
        return key, None
    if found["peft"]:
        return key[: found.start()], _PEFT[found["peft"]]
    part = next(group for group in found.groups() if group is not None)
    return key[: found.start()], part


def weight_adapter(parts: Parts) -> Adapter | None:
    """How the parts change the layer's weight; of several forms the last counts. None: not at all."""
    adapter = next((found for read in _READERS if (found := read(parts)) is not None), None)
    if adapter is not None and "dora_scale" in parts:
        adapter = Dora(inner=adapter, magnitude=parts["dora_scale"])
    elif adapter is not None and _PEFT_MAGNITUDE in parts:
        adapter = Dora(inner=adapter, magnitude=parts[_PEFT_MAGNITUDE], is_peft=True)
    return _last(parts, _WEIGHT_FORMS, adapter)


def bias_adapter(parts: Parts) -> Adapter | None:
    """How the parts change the layer's bias; None: not at all."""
    return _last(parts, _BIAS_FORMS, None)


def _last(parts: Parts, forms: _Forms, before: Adapter | None) -> Adapter | None:
    for name, form in forms:
        if name in parts:
            before = form(parts[name])
    return before
