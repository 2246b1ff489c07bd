"""Nodes that put pictures into batches and take them out."""

import torch

from app.graph.node_schema import NodeSchema
from app.inference.pictures import batches
from app.inference.pictures.images import Image
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, integer, output, socket

LARGEST = 4096


def _batch(context: NodeContext, *, image1: Image, image2: Image) -> tuple[Image]:
    return (batches.join(image1, image2),)


def _repeat(context: NodeContext, *, image: Image, amount: int) -> tuple[Image]:
    return (image.repeat(amount, 1, 1, 1),)


def _from_batch(context: NodeContext, *, image: Image, batch_index: int, length: int) -> tuple[Image]:
    return (batches.part(image, batch_index, length),)


def _rebatch(
    context: NodeContext, *, images: list[torch.Tensor], batch_size: list[int]
) -> tuple[list[Image]]:
    return (batches.regroup(images, batch_size[0]),)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="ImageBatch",
            display_name="Batch Images",
            category="image",
            description="Puts two pictures or batches into one; the second is fitted to the first's size.",
            inputs=(socket("image1", "IMAGE"), socket("image2", "IMAGE")),
            outputs=(output("IMAGE"),),
        ),
        run=_batch,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="RepeatImageBatch",
            display_name="RepeatImageBatch",
            category="image/batch",
            module="comfy_extras.nodes_images",
            description="Repeats a picture or a whole batch.",
            inputs=(socket("image", "IMAGE"), integer("amount", default=1, low=1, high=LARGEST)),
            outputs=(output("IMAGE"),),
        ),
        run=_repeat,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageFromBatch",
            display_name="ImageFromBatch",
            category="image/batch",
            module="comfy_extras.nodes_images",
            description="Takes some pictures out of a batch.",
            inputs=(
                socket("image", "IMAGE"),
                integer("batch_index", default=0, low=0, high=LARGEST - 1, tooltip="The first; 0 begins."),
                integer("length", default=1, low=1, high=LARGEST, tooltip="How many."),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_from_batch,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="RebatchImages",
            display_name="Rebatch Images",
            category="image/batch",
            module="comfy_extras.nodes_rebatch",
            description="Takes batches apart and puts their pictures into batches of another size.",
            inputs=(
                socket("images", "IMAGE"),
                integer("batch_size", default=1, low=1, high=LARGEST),
            ),
            outputs=(output("IMAGE", is_list=True),),
            input_is_list=True,
        ),
        run=_rebatch,
    ),
)
