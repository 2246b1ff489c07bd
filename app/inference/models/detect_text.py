"""Finds the CLIP text towers of a file by tensor names and tells them apart; used by `checkpoint.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.inference.models.files.model_file import TensorInfo

Tensors: TypeAlias = Mapping[str, TensorInfo]

Role: TypeAlias = Literal["clip_l", "clip_h", "clip_g"]
"""CLIP ViT-L/14 (SD 1, SDXL), OpenCLIP ViT-H/14 (SD 2), OpenCLIP ViT-bigG/14 (SDXL and its refiner)."""

_PLACES: tuple[tuple[str, Role], ...] = (
    ("conditioner.embedders.0.transformer.", "clip_l"),
    ("conditioner.embedders.1.model.", "clip_g"),
    ("conditioner.embedders.0.model.", "clip_g"),
    ("cond_stage_model.model.", "clip_h"),
    ("cond_stage_model.transformer.", "clip_l"),
    ("cond_stage_model.", "clip_l"),
    ("text_encoders.clip_l.transformer.", "clip_l"),
    ("text_encoders.clip_h.transformer.", "clip_h"),
    ("text_encoders.clip_g.transformer.", "clip_g"),
)
_LAYERS_OF_G, _LAYERS_OF_H = 31, 23  # from so many layers on; H is often saved without its last, unused layer


@dataclass(frozen=True, kw_only=True)
class FoundTower:
    """A text tower in a file.

    `prefix` stands before everything of the tower; `inner` before `embeddings.` and `encoder.` in the layout
    of transformers, before `transformer.` in that of open_clip.
    """

    role: Role
    layout: Literal["transformers", "open_clip"]
    prefix: str
    inner: str


def checkpoint_towers(tensors: Tensors) -> tuple[FoundTower, ...]:
    """The text towers of a checkpoint, CLIP-L first; none when the file has no text encoder."""
    found: dict[Role, FoundTower] = {}
    for prefix, role in _PLACES:
        tower = _tower(tensors, prefix, role)
        if tower is not None and role not in found:
            found[role] = tower
    return tuple(found.values())


def single_tower(tensors: Tensors) -> FoundTower | None:
    """The text tower of a file of its own, its role told by the number of layers; None when it has none."""
    tower = _tower(tensors, "", "clip_l")
    if tower is None:
        return None
    layers = count_layers(tensors, tower)
    role: Role = "clip_g" if layers >= _LAYERS_OF_G else "clip_h" if layers >= _LAYERS_OF_H else "clip_l"
    return FoundTower(role=role, layout=tower.layout, prefix=tower.prefix, inner=tower.inner)


def tower_width(tensors: Tensors, tower: FoundTower) -> int:
    """Channels of a tower's states."""
    table = (
        "embeddings.token_embedding.weight" if tower.layout == "transformers" else "token_embedding.weight"
    )
    return tensors[tower.inner + table].shape[-1]


def count_layers(tensors: Tensors, tower: FoundTower) -> int:
    """Transformer layers of a tower."""
    pattern = {
        "transformers": "encoder.layers.{}.layer_norm1.weight",
        "open_clip": "transformer.resblocks.{}.ln_1.weight",
    }[tower.layout]
    number = 0
    while tower.inner + pattern.format(number) in tensors:
        number += 1
    return number


def _tower(tensors: Tensors, prefix: str, role: Role) -> FoundTower | None:
    for inner in (f"{prefix}text_model.", prefix):
        if f"{inner}embeddings.token_embedding.weight" in tensors:
            return FoundTower(role=role, layout="transformers", prefix=prefix, inner=inner)
    if f"{prefix}token_embedding.weight" in tensors and f"{prefix}positional_embedding" in tensors:
        return FoundTower(role=role, layout="open_clip", prefix=prefix, inner=prefix)
    return None
