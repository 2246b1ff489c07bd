"""Nodes that load and make masks."""

from app.files.uploads import resolve_annotated
from app.graph.node_schema import NodeSchema
from app.inference.load_image import load_channel
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, output
from app.nodes.image import file_fingerprint


def _load_mask(context: NodeContext, *, image: str, channel: str) -> tuple[Mask]:
    return (load_channel(resolve_annotated(context.folders, image), channel),)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="LoadImageMask",
            display_name="Load Image (as Mask)",
            category="mask",
            description="Loads one channel of a picture as a mask; alpha counts the other way round.",
            inputs=(
                choice("image", source="input_files", image_upload=True),
                choice("channel", ("alpha", "red", "green", "blue")),
            ),
            outputs=(output("MASK"),),
            has_fingerprint=True,
            validates=("image",),
        ),
        run=_load_mask,
        fingerprint=file_fingerprint,
    ),
)
