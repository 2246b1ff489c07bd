"""Loads whole checkpoints, single VAEs and text encoders; loader nodes call it through the ModelStore."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import torch
from torch import device as Device

from app.inference.models.detect import (
    detect_checkpoint,
    refuse_other_families,
    unet_prefix,
    vae_prefix,
    wrong_kind,
)
from app.inference.models.detect_text import FoundTower, Role, checkpoint_towers, single_tower, tower_width
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.errors import WrongModelKind
from app.inference.models.files.diffusers_layout import with_original_names
from app.inference.models.files.model_file import ModelFile, open_model_file
from app.inference.models.text_encoder import TextEncoder, load_text_encoder
from app.inference.models.unet.load_unet import load_diffusion_model
from app.inference.models.vae.load_vae import load_supported_vae
from app.inference.models.vae.vae import Vae

_NETWORK_MODULES = (
    "diffusers.models.autoencoders.autoencoder_kl",
    "diffusers.models.unets.unet_2d_condition",
    "transformers.models.clip.modeling_clip",
)

_ROLES: Mapping[Role, str] = {"clip_l": "CLIP-L", "clip_h": "CLIP-H", "clip_g": "CLIP-G"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """The parts of a checkpoint; None where the file has none."""

    diffusion_model: DiffusionModel
    text_encoder: TextEncoder | None
    vae: Vae | None


def load_checkpoint(path: Path, device: Device) -> Checkpoint:
    """Load every part of a single-file checkpoint; raises a ModelFileError that says what is wrong."""
    file = open_model_file(path)
    parts = detect_checkpoint(file)
    towers = [(file, found) for found in parts.towers]
    return Checkpoint(
        diffusion_model=load_diffusion_model(file, parts.unet_prefix, device),
        text_encoder=load_text_encoder(towers, device) if towers else None,
        vae=None if parts.vae_prefix is None else load_supported_vae(file, parts.vae_prefix, device),
    )


def load_diffusion_model_file(
    path: Path, device: Device, rounded_to: torch.dtype | None = None
) -> DiffusionModel:
    """Load a diffusion model from a file of its own, or out of a checkpoint; see `load_diffusion_model`.

    The file may have diffusers' layout.
    """
    file = with_original_names(open_model_file(path))
    return load_diffusion_model(file, unet_prefix(file, "diffusion model"), device, rounded_to)


def load_vae_file(path: Path, device: Device) -> Vae:
    """Load a VAE from a file of its own, or out of a checkpoint."""
    file = open_model_file(path)
    refuse_other_families(file)
    prefix = vae_prefix(file.tensors)
    if prefix is None:
        raise wrong_kind(file, "VAE")
    return load_supported_vae(file, prefix, device)


def load_text_file(path: Path, device: Device) -> TextEncoder:
    """Load a CLIP text encoder from a file of its own, or out of a checkpoint."""
    return load_text_files((path,), device)


def load_text_files(paths: Sequence[Path], device: Device) -> TextEncoder:
    """Load the towers of one file, or of two as SDXL's text encoder; their roles come from their sizes.

    Raises WrongModelKind for two files that are not CLIP-L and CLIP-G.
    """
    found = _told_apart([each for path in paths for each in _towers(open_model_file(path))])
    if len(paths) > 1 and sorted(tower.role for _, tower in found) != ["clip_g", "clip_l"]:
        raise _no_pair(found)
    return load_text_encoder(found, device)


def _told_apart(found: list[tuple[ModelFile, FoundTower]]) -> list[tuple[ModelFile, FoundTower]]:
    """Two towers with as few layers as CLIP-L: the wider one stands for CLIP-G."""
    if len(found) != 2 or {tower.role for _, tower in found} != {"clip_l"}:
        return found
    small, large = sorted(found, key=_width)
    if _width(small) == _width(large):
        return found
    return [small, (large[0], replace(large[1], role="clip_g"))]


def _width(found: tuple[ModelFile, FoundTower]) -> int:
    return tower_width(found[0].tensors, found[1])


def _no_pair(found: list[tuple[ModelFile, FoundTower]]) -> WrongModelKind:
    *others, (file, last) = found
    are = ", ".join(f"{other.path.name} is {_ROLES[tower.role]}" for other, tower in others)
    return WrongModelKind(
        file.path,
        f"seems to be {_ROLES[last.role]}, and {are}, but SDXL has one of CLIP-L and one of CLIP-G",
        "Choose a file of each; their order does not matter.",
    )


def _towers(file: ModelFile) -> list[tuple[ModelFile, FoundTower]]:
    refuse_other_families(file)
    single = single_tower(file.tensors)
    found = checkpoint_towers(file.tensors) if single is None else (single,)
    if not found:
        raise wrong_kind(file, "CLIP text encoder")
    return [(file, each) for each in found]


def import_networks() -> None:
    """Import the network libraries, which takes seconds; the executor may do it while it waits for work."""
    for name in _NETWORK_MODULES:
        import_module(name)
