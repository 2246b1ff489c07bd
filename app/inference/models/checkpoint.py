"""Loads whole checkpoints, single VAEs and text encoders; loader nodes call it through the ModelStore."""

from collections.abc import Sequence
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
from app.inference.models.detect_text import FoundTower, checkpoint_towers, single_tower, tower_width
from app.inference.models.diffusion_model import DiffusionModel
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
    """Load the towers of several files as one text encoder; their roles come from their sizes."""
    found = [each for path in paths for each in _towers(open_model_file(path))]
    return load_text_encoder(_told_apart(found), device)


def _told_apart(found: list[tuple[ModelFile, FoundTower]]) -> list[tuple[ModelFile, FoundTower]]:
    """Two towers with as few layers as CLIP-L: the wider one stands for CLIP-G."""
    if len(found) != 2 or {tower.role for _, tower in found} != {"clip_l"}:
        return found
    small, large = sorted(found, key=lambda each: tower_width(each[0].tensors, each[1]))
    return [small, (large[0], replace(large[1], role="clip_g"))]


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
