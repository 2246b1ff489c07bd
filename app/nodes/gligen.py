"""Nodes that ground texts in boxes of the picture (GLIGEN)."""

from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.conditioning.area import Area
from app.inference.conditioning.boxes import with_box
from app.inference.conditioning.entry import Conditioning
from app.inference.conditioning.gligen import GligenModel, GroundedText
from app.inference.models.control.gligen import load_gligen
from app.inference.models.text_encoder import TextEncoder
from app.nodes.conditioning import embeddings_of, present_encoder
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, output, socket

CELL = 8  # pixels per latent cell


def _load(context: NodeContext, *, gligen_name: str) -> tuple[GligenModel]:
    path = context.folders.models.resolve("gligen", gligen_name)
    return (context.models.get("gligen", path, load_gligen),)


def _apply_box(
    context: NodeContext,
    *,
    conditioning_to: Conditioning,
    clip: TextEncoder | None,
    gligen_textbox_model: GligenModel,
    text: str,
    width: int,
    height: int,
    x: int,
    y: int,
) -> tuple[Conditioning]:
    pooled = present_encoder(clip).unprojected_pooled(text, embeddings_of(context))
    area = Area(height=height // CELL, width=width // CELL, y=y // CELL, x=x // CELL)
    return (with_box(conditioning_to, gligen_textbox_model, GroundedText(pooled=pooled, area=area)),)


def _pixels(name: str, *, default: int, low: int) -> InputSchema:
    return integer(name, default=default, low=low, high=MAX_RESOLUTION, step=8, tooltip="In pixels.")


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="GLIGENLoader",
            display_name="GLIGENLoader",
            category="loaders",
            description="Loads layers that let a model place texts in boxes.",
            inputs=(
                choice(
                    "gligen_name", source="models:gligen", tooltip="A .safetensors file in models/gligen."
                ),
            ),
            outputs=(output("GLIGEN"),),
        ),
        run=_load,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="GLIGENTextBoxApply",
            display_name="GLIGENTextBoxApply",
            category="conditioning/gligen",
            description="Places what a text names in a box of the picture.",
            inputs=(
                socket("conditioning_to", "CONDITIONING"),
                socket("clip", "CLIP"),
                socket("gligen_textbox_model", "GLIGEN"),
                InputSchema(
                    name="text",
                    type="STRING",
                    options={"multiline": True, "dynamicPrompts": True, "tooltip": "What is in the box."},
                ),
                _pixels("width", default=64, low=8),
                _pixels("height", default=64, low=8),
                _pixels("x", default=0, low=0),
                _pixels("y", default=0, low=0),
            ),
            outputs=(output("CONDITIONING"),),
        ),
        run=_apply_box,
    ),
)
