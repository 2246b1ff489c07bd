"""Nodes that write models into files, with all changes of their weights worked in."""

from collections.abc import Mapping
from typing import Any

from app.files import outputs
from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.errors import PartMissing
from app.inference.models.files.model_writer import TensorToWrite, write_model_file
from app.inference.models.files.original_layout import (
    text_tensors,
    transformers_tensors,
    unet_tensors,
    vae_tensors,
)
from app.inference.models.files.save_metadata import documents, marker_tensors, model_metadata
from app.inference.models.text_encoder import TextEncoder
from app.inference.models.vae.vae import Vae
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, NodeResult, socket

CATEGORY = "advanced/model_merging"
MODULE = "comfy_extras.nodes_model_merging"
SUFFIX = ".safetensors"


def _save_checkpoint(
    context: NodeContext,
    *,
    model: DiffusionModel | None,
    clip: TextEncoder | None,
    vae: Vae | None,
    filename_prefix: str,
) -> NodeResult:
    if model is None or clip is None or vae is None:
        raise PartMissing("A whole checkpoint needs a model, a text encoder and a VAE. Connect all three.")
    target = outputs.next_output(context.folders.output, filename_prefix)
    tensors = {**unet_tensors(model), **text_tensors(clip), **vae_tensors(vae), **marker_tensors(model)}
    _write(context, target, tensors, model_metadata(model, _title(target)))
    return NodeResult()


def _save_model(context: NodeContext, *, model: DiffusionModel, filename_prefix: str) -> NodeResult:
    target = outputs.next_output(context.folders.output, filename_prefix)
    tensors = {**unet_tensors(model), **marker_tensors(model)}
    _write(context, target, tensors, model_metadata(model, _title(target)))
    return NodeResult()


def _save_clip(context: NodeContext, *, clip: TextEncoder | None, filename_prefix: str) -> NodeResult:
    if clip is None:
        raise PartMissing("There is no text encoder to save. Connect the CLIP of another file.")
    for kind, network in clip.networks.items():
        target = outputs.next_output(context.folders.output, f"{filename_prefix}_clip_{kind}")
        _write(context, target, transformers_tensors(network), {"format": "pt"})
    return NodeResult()


def _save_vae(context: NodeContext, *, vae: Vae | None, filename_prefix: str) -> NodeResult:
    if vae is None:
        raise PartMissing("There is no VAE to save. Connect the VAE of another file.")
    target = outputs.next_output(context.folders.output, filename_prefix)
    _write(context, target, vae_tensors(vae, prefix=""), {})
    return NodeResult()


def _title(target: outputs.OutputTarget) -> str:
    return f"{target.filename} {target.counter}"


def _write(
    context: NodeContext,
    target: outputs.OutputTarget,
    tensors: Mapping[str, TensorToWrite],
    metadata: Mapping[str, str],
) -> None:
    if context.metadata:
        metadata = {**documents(context.prompt, context.extra_pnginfo), **metadata}
    path = target.path(suffix=SUFFIX)
    context.created(path)
    outputs.write_atomically(
        path, lambda file: write_model_file(file, tensors, metadata, interrupted=context.interrupted)
    )


def _node(
    class_type: str, display_name: str, description: str, run: Any, prefix: str, *inputs: InputSchema
) -> NodeClass:
    return NodeClass(
        schema=NodeSchema(
            class_type=class_type,
            display_name=display_name,
            category=CATEGORY,
            description=description,
            module=MODULE,
            inputs=(
                *inputs,
                InputSchema(
                    name="filename_prefix",
                    type="STRING",
                    options={
                        "default": prefix,
                        "tooltip": "Beginning of the file name in the output folder; a slash makes a folder.",
                    },
                ),
            ),
            hidden={"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
            output_node=True,
        ),
        run=run,
    )


_MODEL = socket("model", "MODEL", tooltip="The model, with its LoRAs and merges.")
_CLIP = socket("clip", "CLIP", tooltip="The text encoder, with its LoRAs and merges.")
_VAE = socket("vae", "VAE", tooltip="The VAE.")

NODES = (
    _node(
        "CheckpointSave",
        "Save Checkpoint",
        "Writes model, text encoder and VAE as one checkpoint that other programs load, too.",
        _save_checkpoint,
        "checkpoints/ComfyUI",
        _MODEL,
        _CLIP,
        _VAE,
    ),
    _node(
        "CLIPSave",
        "CLIPSave",
        "Writes each text encoder into a file of its own.",
        _save_clip,
        "clip/ComfyUI",
        _CLIP,
    ),
    _node("VAESave", "VAESave", "Writes a VAE into a file.", _save_vae, "vae/ComfyUI_vae", _VAE),
    _node(
        "ModelSave",
        "ModelSave",
        "Writes a diffusion model without text encoder and VAE.",
        _save_model,
        "diffusion_models/ComfyUI",
        _MODEL,
    ),
)
