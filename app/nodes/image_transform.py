"""Nodes that cut, turn and join pictures."""

import torch

from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.pictures.images import Image
from app.inference.pictures.outpaint import pad_for_outpaint
from app.inference.pictures.stitch import COLOURS, stitch
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, output, socket

QUARTERS = {"none": 0, "90 degrees": 1, "180 degrees": 2, "270 degrees": 3}
ROWS, COLUMNS = 1, 2  # axes of a picture
FLIPS = {"x-axis: vertically": ROWS, "y-axis: horizontally": COLUMNS}


def _crop(context: NodeContext, *, image: Image, width: int, height: int, x: int, y: int) -> tuple[Image]:
    x, y = min(x, image.shape[COLUMNS] - 1), min(y, image.shape[ROWS] - 1)
    return (image[:, y : y + height, x : x + width],)


def _flip(context: NodeContext, *, image: Image, flip_method: str) -> tuple[Image]:
    return (image.flip(FLIPS[flip_method]),)


def _rotate(context: NodeContext, *, image: Image, rotation: str) -> tuple[Image]:
    return (torch.rot90(image, QUARTERS[rotation], (COLUMNS, ROWS)),)


def _stitch(
    context: NodeContext,
    *,
    image1: Image,
    direction: str,
    match_image_size: bool,
    spacing_width: int,
    spacing_color: str,
    image2: Image | None = None,
) -> tuple[Image]:
    if image2 is None:
        return (image1,)
    return (
        stitch(
            image1,
            image2,
            direction,
            match_size=match_image_size,
            spacing=spacing_width,
            colour=spacing_color,
        ),
    )


def _pad_for_outpaint(
    context: NodeContext, *, image: Image, left: int, top: int, right: int, bottom: int, feathering: int
) -> tuple[Image, Mask]:
    return pad_for_outpaint(image, left=left, top=top, right=right, bottom=bottom, feathering=feathering)


def _border(name: str) -> InputSchema:
    return integer(name, default=0, low=0, high=MAX_RESOLUTION, step=8)


_IMAGE = socket("image", "IMAGE")

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="ImageCrop",
            display_name="Image Crop",
            category="image/transform",
            module="comfy_extras.nodes_images",
            description="Cuts a rectangle out of pictures; what lies outside of them is left out.",
            inputs=(
                _IMAGE,
                integer("width", default=512, low=1, high=MAX_RESOLUTION, step=1),
                integer("height", default=512, low=1, high=MAX_RESOLUTION, step=1),
                integer("x", default=0, low=0, high=MAX_RESOLUTION, step=1),
                integer("y", default=0, low=0, high=MAX_RESOLUTION, step=1),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_crop,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageFlip",
            display_name="ImageFlip",
            category="image/transform",
            module="comfy_extras.nodes_images",
            description="Mirrors pictures.",
            inputs=(_IMAGE, choice("flip_method", tuple(FLIPS))),
            outputs=(output("IMAGE"),),
        ),
        run=_flip,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageRotate",
            display_name="ImageRotate",
            category="image/transform",
            module="comfy_extras.nodes_images",
            description="Turns pictures clockwise by quarters.",
            inputs=(_IMAGE, choice("rotation", tuple(QUARTERS))),
            outputs=(output("IMAGE"),),
        ),
        run=_rotate,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageStitch",
            display_name="Image Stitch",
            category="image/transform",
            module="comfy_extras.nodes_images",
            description="Puts two pictures next to each other.",
            inputs=(
                socket("image1", "IMAGE"),
                choice("direction", ("right", "down", "left", "up"), default="right"),
                InputSchema(
                    name="match_image_size",
                    type="BOOLEAN",
                    options={
                        "default": True,
                        "tooltip": "Scale the second picture to the side where they meet, "
                        "instead of a border around the smaller one.",
                    },
                ),
                integer("spacing_width", default=0, low=0, high=1024, step=2),
                choice("spacing_color", tuple(COLOURS), default="white"),
                socket("image2", "IMAGE", required=False),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_stitch,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImagePadForOutpaint",
            display_name="Pad Image for Outpainting",
            category="image",
            description="Enlarges pictures and masks the new parts, so that a model can paint them.",
            inputs=(
                _IMAGE,
                _border("left"),
                _border("top"),
                _border("right"),
                _border("bottom"),
                integer(
                    "feathering",
                    default=40,
                    low=0,
                    high=MAX_RESOLUTION,
                    step=1,
                    tooltip="How many pixels of the picture at its old border change a little as well.",
                ),
            ),
            outputs=(output("IMAGE"), output("MASK")),
        ),
        run=_pad_for_outpaint,
    ),
)
