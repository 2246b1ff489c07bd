"""Nodes that load models: checkpoints and text encoders."""

from typing import Any

from app.graph.node_schema import NodeSchema
from app.inference.devices import CPU
from app.inference.models.checkpoint import load_checkpoint, load_text_file
from app.inference.models.errors import FamilyNotSupported
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


def _load_checkpoint(context: NodeContext, *, ckpt_name: str) -> tuple[Any, ...]:
    path = context.folders.models.resolve("checkpoints", ckpt_name)
    checkpoint = context.models.get("checkpoint", path, load_checkpoint)
    return checkpoint.diffusion_model, checkpoint.text_encoder, checkpoint.vae


def _load_clip(
    context: NodeContext, *, clip_name: str, type: str = "stable_diffusion", device: str = "default"
) -> tuple[Any, ...]:
    path = context.folders.models.resolve("text_encoders", clip_name)
    if type != "stable_diffusion":
        raise FamilyNotSupported(
            path, f"cannot be used as {type}, which cannot be run yet", "Set the type to stable_diffusion."
        )
    if device == "cpu":
        return (
            context.models.get("text encoder on the CPU", path, lambda file, _: load_text_file(file, CPU)),
        )
    return (context.models.get("text encoder", path, load_text_file),)


NODES = (
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
