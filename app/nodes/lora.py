"""Nodes that add LoRA files to models and text encoders."""

from typing import Any

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.text_encoder import TextEncoder
from app.inference.patches.apply_lora import with_lora, with_model_lora
from app.inference.patches.lora_file import LoraFile, open_lora
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, number, output, socket


def _load(
    context: NodeContext,
    *,
    model: DiffusionModel,
    clip: TextEncoder | None,
    lora_name: str,
    strength_model: float,
    strength_clip: float,
) -> tuple[Any, ...]:
    if strength_model == 0 and strength_clip == 0:
        return model, clip
    file = _opened(context, lora_name)
    if clip is None:
        return with_model_lora(model, file, strength=strength_model), None
    return with_lora(model, clip, file, strength_model=strength_model, strength_text=strength_clip)


def _load_model_only(
    context: NodeContext, *, model: DiffusionModel, lora_name: str, strength_model: float
) -> tuple[DiffusionModel]:
    if strength_model == 0:
        return (model,)
    file = _opened(context, lora_name)
    return (with_model_lora(model, file, strength=strength_model),)


def _opened(context: NodeContext, name: str) -> LoraFile:
    return open_lora(context.models.readable(context.folders.models.resolve("loras", name)))


def _file() -> InputSchema:
    return choice("lora_name", source="models:loras", tooltip="A file in models/loras.")


def _strength(name: str, whose: str) -> InputSchema:
    return number(
        name,
        default=1.0,
        low=-100.0,
        high=100.0,
        step=0.01,
        tooltip=f"How strongly the {whose} is changed; may be negative.",
    )


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="LoraLoader",
            display_name="Load LoRA",
            category="loaders",
            description="Changes a model and its text encoder by a LoRA file; several can follow each other.",
            inputs=(
                socket("model", "MODEL", tooltip="The model to change."),
                socket("clip", "CLIP", tooltip="The text encoder to change."),
                _file(),
                _strength("strength_model", "model"),
                _strength("strength_clip", "text encoder"),
            ),
            outputs=(
                output("MODEL", tooltip="The changed model; the original stays usable."),
                output("CLIP", tooltip="The changed text encoder."),
            ),
        ),
        run=_load,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LoraLoaderModelOnly",
            display_name="LoraLoaderModelOnly",
            category="loaders",
            description="Changes a model by a LoRA file and leaves the text encoder as it is.",
            inputs=(socket("model", "MODEL"), _file(), _strength("strength_model", "model")),
            outputs=(output("MODEL"),),
        ),
        run=_load_model_only,
    ),
)
