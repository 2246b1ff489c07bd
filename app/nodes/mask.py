"""Nodes that load and make masks and turn pictures into masks and back."""

import torch

from app.files.uploads import resolve_annotated
from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.pictures import masks
from app.inference.pictures.images import Image
from app.inference.pictures.load_image import load_channel
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, number, output, socket
from app.nodes.image_files import file_fingerprint


def _load_mask(context: NodeContext, *, image: str, channel: str) -> tuple[Mask]:
    return (load_channel(resolve_annotated(context.folders, image), channel),)


def _to_image(context: NodeContext, *, mask: Mask) -> tuple[Image]:
    return (masks.flat(mask).unsqueeze(-1).repeat(1, 1, 1, 3),)


def _from_channel(context: NodeContext, *, image: Image, channel: str) -> tuple[Mask]:
    return (masks.channel(image, channel),)


def _from_colour(context: NodeContext, *, image: Image, color: int) -> tuple[Mask]:
    return (masks.of_colour(image, color),)


def _solid(context: NodeContext, *, value: float, width: int, height: int) -> tuple[Mask]:
    return (torch.full((1, height, width), value),)


def _invert(context: NodeContext, *, mask: Mask) -> tuple[Mask]:
    return (1 - mask,)


def _threshold(context: NodeContext, *, mask: Mask, value: float) -> tuple[Mask]:
    return ((mask > value).float(),)


def _side(name: str) -> InputSchema:
    return integer(name, default=512, low=1, high=MAX_RESOLUTION, step=1)


_MODULE = "comfy_extras.nodes_mask"

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
    NodeClass(
        schema=NodeSchema(
            class_type="MaskToImage",
            display_name="Convert Mask to Image",
            category="mask",
            module=_MODULE,
            description="Shows masks as grey pictures.",
            inputs=(socket("mask", "MASK"),),
            outputs=(output("IMAGE"),),
        ),
        run=_to_image,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageToMask",
            display_name="Convert Image to Mask",
            category="mask",
            module=_MODULE,
            description="Takes one channel of pictures as masks.",
            inputs=(socket("image", "IMAGE"), choice("channel", masks.CHANNELS)),
            outputs=(output("MASK"),),
        ),
        run=_from_channel,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageColorToMask",
            display_name="ImageColorToMask",
            category="mask",
            module=_MODULE,
            description="Selects everything that has exactly one colour.",
            inputs=(
                socket("image", "IMAGE"),
                integer("color", default=0, low=0, high=0xFFFFFF, step=1, display="color"),
            ),
            outputs=(output("MASK"),),
        ),
        run=_from_colour,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SolidMask",
            display_name="SolidMask",
            category="mask",
            module=_MODULE,
            description="A mask of one value.",
            inputs=(
                number("value", default=1.0, low=0.0, high=1.0, step=0.01),
                _side("width"),
                _side("height"),
            ),
            outputs=(output("MASK"),),
        ),
        run=_solid,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="InvertMask",
            display_name="InvertMask",
            category="mask",
            module=_MODULE,
            description="Selects what was not selected.",
            inputs=(socket("mask", "MASK"),),
            outputs=(output("MASK"),),
        ),
        run=_invert,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ThresholdMask",
            display_name="ThresholdMask",
            category="mask",
            module=_MODULE,
            description="Selects fully what is above a value, and nothing else.",
            inputs=(socket("mask", "MASK"), number("value", default=0.5, low=0.0, high=1.0, step=0.01)),
            outputs=(output("MASK"),),
        ),
        run=_threshold,
    ),
)
