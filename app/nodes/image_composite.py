"""Nodes that put pictures on top of each other and handle their transparency."""

from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.pictures import porter_duff
from app.inference.pictures.blend import MODES, blend
from app.inference.pictures.channels import with_channels
from app.inference.pictures.compositing import join_alpha, paste, split_alpha
from app.inference.pictures.images import Image
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, number, output, socket


def _composite(
    context: NodeContext,
    *,
    destination: Image,
    source: Image,
    x: int,
    y: int,
    resize_source: bool,
    mask: Mask | None = None,
) -> tuple[Image]:
    above = with_channels(source, destination.shape[-1]).movedim(-1, 1)
    return (paste(destination.movedim(-1, 1), above, x, y, mask, resize=resize_source).movedim(1, -1),)


def _blend(
    context: NodeContext, *, image1: Image, image2: Image, blend_factor: float, blend_mode: str
) -> tuple[Image]:
    return (blend(image1, image2, blend_factor, blend_mode),)


def _porter_duff(
    context: NodeContext,
    *,
    source: Image,
    source_alpha: Mask,
    destination: Image,
    destination_alpha: Mask,
    mode: str,
) -> tuple[Image, Mask]:
    return porter_duff.compose(source, source_alpha, destination, destination_alpha, mode)


def _split(context: NodeContext, *, image: Image) -> tuple[Image, Mask]:
    return split_alpha(image)


def _join(context: NodeContext, *, image: Image, alpha: Mask) -> tuple[Image]:
    return (join_alpha(image, alpha),)


def _place(name: str) -> InputSchema:
    return integer(name, default=0, low=0, high=MAX_RESOLUTION, step=1)


_COMPOSITING = "comfy_extras.nodes_compositing"

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="ImageCompositeMasked",
            display_name="ImageCompositeMasked",
            category="image",
            module="comfy_extras.nodes_mask",
            description="Puts a picture on another one, where a mask says so.",
            inputs=(
                socket("destination", "IMAGE"),
                socket("source", "IMAGE"),
                _place("x"),
                _place("y"),
                InputSchema(
                    name="resize_source",
                    type="BOOLEAN",
                    options={"default": False, "tooltip": "Stretch the source over the destination first."},
                ),
                socket("mask", "MASK", required=False, tooltip="1 shows the source; without: everywhere."),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_composite,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageBlend",
            category="image/postprocessing",
            module="comfy_extras.nodes_post_processing",
            description="Mixes two pictures.",
            inputs=(
                socket("image1", "IMAGE"),
                socket("image2", "IMAGE"),
                number("blend_factor", default=0.5, low=0.0, high=1.0, step=0.01),
                choice("blend_mode", tuple(MODES), multiselect=False),
            ),
            outputs=(output("IMAGE"),),
            v3=True,
        ),
        run=_blend,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="PorterDuffImageComposite",
            display_name="Porter-Duff Image Composite",
            category="mask/compositing",
            module=_COMPOSITING,
            description="Composes two pictures with transparency by the rules of Porter and Duff.",
            inputs=(
                socket("source", "IMAGE"),
                socket("source_alpha", "MASK", tooltip="1 where the source is transparent."),
                socket("destination", "IMAGE"),
                socket("destination_alpha", "MASK", tooltip="1 where the destination is transparent."),
                choice("mode", tuple(porter_duff.RULES), default="DST", multiselect=False),
            ),
            outputs=(output("IMAGE"), output("MASK")),
            v3=True,
        ),
        run=_porter_duff,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SplitImageWithAlpha",
            display_name="Split Image with Alpha",
            category="mask/compositing",
            module=_COMPOSITING,
            description="Splits pictures into colours and a mask of what is transparent.",
            inputs=(socket("image", "IMAGE"),),
            outputs=(output("IMAGE"), output("MASK")),
            v3=True,
        ),
        run=_split,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="JoinImageWithAlpha",
            display_name="Join Image with Alpha",
            category="mask/compositing",
            module=_COMPOSITING,
            description="Makes pictures transparent where a mask is 1.",
            inputs=(socket("image", "IMAGE"), socket("alpha", "MASK")),
            outputs=(output("IMAGE"),),
            v3=True,
        ),
        run=_join,
    ),
)
