"""Nodes that change the shape of masks and combine them."""

from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.pictures import masks
from app.inference.pictures.morphology import grow
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, output, socket


def _crop(context: NodeContext, *, mask: Mask, x: int, y: int, width: int, height: int) -> tuple[Mask]:
    return (masks.flat(mask)[:, y : y + height, x : x + width],)


def _composite(
    context: NodeContext, *, destination: Mask, source: Mask, x: int, y: int, operation: str
) -> tuple[Mask]:
    return (masks.combine(destination, source, x, y, operation),)


def _feather(
    context: NodeContext, *, mask: Mask, left: int, top: int, right: int, bottom: int
) -> tuple[Mask]:
    return (masks.feather(mask, left=left, top=top, right=right, bottom=bottom),)


def _grow(context: NodeContext, *, mask: Mask, expand: int, tapered_corners: bool) -> tuple[Mask]:
    return (grow(masks.flat(mask), expand, round_corners=tapered_corners),)


def _pixels(name: str, default: int = 0, low: int = 0) -> InputSchema:
    return integer(name, default=default, low=low, high=MAX_RESOLUTION, step=1)


_MODULE = "comfy_extras.nodes_mask"
_MASK = socket("mask", "MASK")

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="CropMask",
            display_name="CropMask",
            category="mask",
            module=_MODULE,
            description="Cuts a rectangle out of masks.",
            inputs=(_MASK, _pixels("x"), _pixels("y"), _pixels("width", 512, 1), _pixels("height", 512, 1)),
            outputs=(output("MASK"),),
        ),
        run=_crop,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="MaskComposite",
            display_name="MaskComposite",
            category="mask",
            module=_MODULE,
            description="Combines two masks.",
            inputs=(
                socket("destination", "MASK"),
                socket("source", "MASK"),
                _pixels("x"),
                _pixels("y"),
                choice("operation", tuple(masks.OPERATIONS)),
            ),
            outputs=(output("MASK"),),
        ),
        run=_composite,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="FeatherMask",
            display_name="FeatherMask",
            category="mask",
            module=_MODULE,
            description="Lets masks fade out towards their borders.",
            inputs=(_MASK, _pixels("left"), _pixels("top"), _pixels("right"), _pixels("bottom")),
            outputs=(output("MASK"),),
        ),
        run=_feather,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="GrowMask",
            display_name="GrowMask",
            category="mask",
            module=_MODULE,
            description="Makes masks larger or, with a negative number, smaller.",
            inputs=(
                _MASK,
                _pixels("expand", 0, -MAX_RESOLUTION),
                InputSchema(
                    name="tapered_corners",
                    type="BOOLEAN",
                    options={"default": True, "tooltip": "Cut the corners, instead of growing squares."},
                ),
            ),
            outputs=(output("MASK"),),
        ),
        run=_grow,
    ),
)
