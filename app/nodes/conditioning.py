"""Nodes that turn text into conditioning."""

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.conditioning.entry import Conditioning
from app.inference.models.errors import PartMissing
from app.inference.models.text_encoder import TextEncoder
from app.inference.text.embedding_files import FolderEmbeddings
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, integer, output, socket


def _encode_text(context: NodeContext, *, text: str, clip: TextEncoder | None) -> tuple[Conditioning]:
    return (present_encoder(clip).encode(text, embeddings_of(context)),)


def _set_last_layer(
    context: NodeContext, *, clip: TextEncoder | None, stop_at_clip_layer: int
) -> tuple[TextEncoder]:
    return (present_encoder(clip).stopping_at(stop_at_clip_layer),)


def embeddings_of(context: NodeContext) -> FolderEmbeddings:
    """What `embedding:name` in texts stands for."""
    return FolderEmbeddings(folders=context.folders.models, readable=context.models.readable)


def present_encoder(clip: TextEncoder | None) -> TextEncoder:
    """The text encoder; raises PartMissing where a checkpoint had none."""
    if clip is None:
        raise PartMissing(
            "The checkpoint holds no text encoder: load one with Load CLIP and connect it here instead."
        )
    return clip


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="CLIPTextEncode",
            display_name="CLIP Text Encode (Prompt)",
            category="conditioning",
            description="Turns a text into conditioning that guides the model towards what it says.",
            search_aliases=("prompt", "text"),
            inputs=(
                InputSchema(
                    name="text",
                    type="STRING",
                    options={
                        "multiline": True,
                        "dynamicPrompts": True,
                        "tooltip": "The text. (word:1.2) makes a word count more, (word:0.8) less.",
                    },
                ),
                socket("clip", "CLIP", tooltip="The text encoder that belongs to the model."),
            ),
            outputs=(output("CONDITIONING", tooltip="The encoded text."),),
        ),
        run=_encode_text,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="CLIPSetLastLayer",
            display_name="CLIP Set Last Layer",
            category="conditioning",
            description="Takes the text's states from an earlier layer of the encoder (clip skip).",
            search_aliases=("clip skip",),
            inputs=(
                socket("clip", "CLIP"),
                integer(
                    "stop_at_clip_layer",
                    default=-1,
                    low=-24,
                    high=-1,
                    step=1,
                    tooltip="-1 is the last layer, -2 the one before.",
                ),
            ),
            outputs=(output("CLIP"),),
        ),
        run=_set_last_layer,
    ),
)
