"""Nodes that load models: checkpoints and text encoders."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import device as Device

from app.graph.node_schema import NodeSchema
from app.inference.memory.devices import CPU
from app.inference.models.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_diffusion_model_file,
    load_text_files,
)
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.errors import FamilyNotSupported
from app.inference.models.text_encoder import TextEncoder
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, output

TEXT_TYPES = (
    "stable_diffusion",
    "stable_cascade",
    "sd3",
    "stable_audio",
    "mochi",
    "ltxv",
    "pixart",
    "cosmos",
    "lumina2",
    "wan",
    "hidream",
    "chroma",
    "ace",
    "omnigen2",
    "qwen_image",
    "hunyuan_image",
)

PAIR_TYPES = ("sdxl", "sd3", "flux", "hunyuan_video", "hidream", "hunyuan_image")
WEIGHT_DTYPES: Mapping[str, torch.dtype | None] = {
    "default": None,
    "fp8_e4m3fn": torch.float8_e4m3fn,
    "fp8_e4m3fn_fast": torch.float8_e4m3fn,
    "fp8_e5m2": torch.float8_e5m2,
}
"""What the weights are rounded to; computing stays in the device's format."""


def checkpoint_of(context: NodeContext, name: str) -> Checkpoint:
    """A checkpoint by its name in the menu, loaded once."""
    path = context.folders.models.resolve("checkpoints", name)
    return context.models.get("checkpoint", path, load_checkpoint)


def text_encoder_of(context: NodeContext, paths: Sequence[Path], device: str = "default") -> TextEncoder:
    """The text encoder of one file or several, loaded once; `device` is an entry of the nodes' menu."""
    first, *others = paths

    def load(path: Path, place: Device) -> TextEncoder:
        files = (path, *map(context.models.readable, others))
        return load_text_files(files, CPU if device == "cpu" else place)

    beside = "".join(f" with {each} of {each.stat().st_mtime_ns}" for each in others)
    return context.models.get(f"text encoder ({device}){beside}", first, load)


def diffusion_model_of(
    context: NodeContext, path: Path, rounded_to: torch.dtype | None = None
) -> DiffusionModel:
    """The diffusion model of a file, loaded once."""

    def load(path: Path, device: Device) -> DiffusionModel:
        return load_diffusion_model_file(path, device, rounded_to)

    return context.models.get(f"diffusion model in {rounded_to}", path, load)


def _load_checkpoint(context: NodeContext, *, ckpt_name: str) -> tuple[Any, ...]:
    checkpoint = checkpoint_of(context, ckpt_name)
    return checkpoint.diffusion_model, checkpoint.text_encoder, checkpoint.vae


def _load_clip(
    context: NodeContext, *, clip_name: str, type: str = "stable_diffusion", device: str = "default"
) -> tuple[TextEncoder]:
    path = context.folders.models.resolve("text_encoders", clip_name)
    if type != "stable_diffusion":
        raise FamilyNotSupported(
            path, f"cannot be used as {type}, which cannot be run yet", "Set the type to stable_diffusion."
        )
    return (text_encoder_of(context, (path,), device),)


def _load_two_clips(
    context: NodeContext, *, clip_name1: str, clip_name2: str, type: str, device: str = "default"
) -> tuple[TextEncoder]:
    paths = [context.folders.models.resolve("text_encoders", name) for name in (clip_name1, clip_name2)]
    if type != "sdxl":
        raise FamilyNotSupported(
            paths[0], f"cannot be used as {type}, which cannot be run yet", "Set the type to sdxl."
        )
    return (text_encoder_of(context, paths, device),)


def _load_unet(context: NodeContext, *, unet_name: str, weight_dtype: str) -> tuple[DiffusionModel]:
    path = context.folders.models.resolve("diffusion_models", unet_name)
    return (diffusion_model_of(context, path, WEIGHT_DTYPES[weight_dtype]),)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="UNETLoader",
            display_name="Load Diffusion Model",
            category="advanced/loaders",
            description="Loads a diffusion model from a file of its own, without text encoder and VAE.",
            inputs=(
                choice(
                    "unet_name",
                    source="models:diffusion_models",
                    tooltip="Lies in models/diffusion_models.",
                ),
                choice(
                    "weight_dtype",
                    tuple(WEIGHT_DTYPES),
                    tooltip="Number format of the weights: default takes them as they are stored, the others "
                    "round them to 8 bits.",
                ),
            ),
            outputs=(output("MODEL"),),
        ),
        run=_load_unet,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="DualCLIPLoader",
            display_name="DualCLIPLoader",
            category="advanced/loaders",
            description="Loads the two text encoders of SDXL from two files, in any order.",
            inputs=(
                choice(
                    "clip_name1", source="models:text_encoders", tooltip="A file in models/text_encoders."
                ),
                choice("clip_name2", source="models:text_encoders", tooltip="The other file."),
                choice("type", PAIR_TYPES, tooltip="The family of the model that they are used with."),
                choice("device", ("default", "cpu"), required=False, tooltip="Where they compute."),
            ),
            outputs=(output("CLIP"),),
        ),
        run=_load_two_clips,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="CheckpointLoaderSimple",
            display_name="Load Checkpoint",
            category="loaders",
            description="Loads a diffusion model with its text encoder and VAE from one file.",
            inputs=(
                choice(
                    "ckpt_name",
                    source="models:checkpoints",
                    tooltip="The checkpoint: a .safetensors file in models/checkpoints.",
                ),
            ),
            outputs=(
                output("MODEL", tooltip="The model that removes noise from latents."),
                output("CLIP", tooltip="The text encoder, for the prompts."),
                output("VAE", tooltip="Turns pictures into latents and back."),
            ),
        ),
        run=_load_checkpoint,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="CLIPLoader",
            display_name="Load CLIP",
            category="advanced/loaders",
            description="Loads a text encoder from a file of its own.",
            inputs=(
                choice("clip_name", source="models:text_encoders", tooltip="A file in models/text_encoders."),
                choice("type", TEXT_TYPES, tooltip="The family of the model that it is used with."),
                choice("device", ("default", "cpu"), required=False, tooltip="Where the encoder computes."),
            ),
            outputs=(output("CLIP"),),
        ),
        run=_load_clip,
    ),
)
