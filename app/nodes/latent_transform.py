"""Nodes that cut, turn and compose latents; sizes and places are given in pixels."""

import torch

from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.latents.batch import LatentBatch
from app.inference.pictures.pasting import paste_feathered, paste_masked
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, output, socket

CELL = 8  # pixels per latent cell
SMALLEST_CELLS = 8  # what is left at least where a cut begins
TURNS = ("none", "90 degrees", "180 degrees", "270 degrees")
FLIPS = ("x-axis: vertically", "y-axis: horizontally")


def _crop(
    context: NodeContext, *, samples: LatentBatch, width: int, height: int, x: int, y: int
) -> tuple[LatentBatch]:
    rows, columns = samples.samples.shape[-2:]
    top, left = min(y // CELL, rows - SMALLEST_CELLS), min(x // CELL, columns - SMALLEST_CELLS)
    cut = samples.samples[..., top : top + height // CELL, left : left + width // CELL]
    return (samples.with_samples(cut.clone()),)


def _flip(context: NodeContext, *, samples: LatentBatch, flip_method: str) -> tuple[LatentBatch]:
    axis = -2 if flip_method.startswith("x") else -1
    return (samples.with_samples(samples.samples.flip(axis)),)


def _rotate(context: NodeContext, *, samples: LatentBatch, rotation: str) -> tuple[LatentBatch]:
    return (samples.with_samples(torch.rot90(samples.samples, TURNS.index(rotation), (-1, -2))),)


def _composite(
    context: NodeContext, *, samples_to: LatentBatch, samples_from: LatentBatch, x: int, y: int, feather: int
) -> tuple[LatentBatch]:
    pasted = paste_feathered(samples_to.samples, samples_from.samples, x // CELL, y // CELL, feather // CELL)
    return (samples_to.with_samples(pasted),)


def _composite_masked(
    context: NodeContext,
    *,
    destination: LatentBatch,
    source: LatentBatch,
    x: int,
    y: int,
    resize_source: bool,
    mask: Mask | None = None,
) -> tuple[LatentBatch]:
    pasted = paste_masked(
        destination.samples, source.samples, x // CELL, y // CELL, mask, resize=resize_source
    )
    return (destination.with_samples(pasted),)


def _place(*names: str) -> tuple[InputSchema, ...]:
    return tuple(integer(name, default=0, low=0, high=MAX_RESOLUTION, step=8) for name in names)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="LatentCrop",
            display_name="Crop Latent",
            category="latent/transform",
            description="Cuts a piece out of latents.",
            inputs=(
                socket("samples", "LATENT"),
                integer("width", default=512, low=64, high=MAX_RESOLUTION, step=8),
                integer("height", default=512, low=64, high=MAX_RESOLUTION, step=8),
                *_place("x", "y"),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_crop,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LatentFlip",
            display_name="Flip Latent",
            category="latent/transform",
            description="Mirrors latents.",
            inputs=(socket("samples", "LATENT"), choice("flip_method", FLIPS)),
            outputs=(output("LATENT"),),
        ),
        run=_flip,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LatentRotate",
            display_name="Rotate Latent",
            category="latent/transform",
            description="Turns latents clockwise.",
            inputs=(socket("samples", "LATENT"), choice("rotation", TURNS)),
            outputs=(output("LATENT"),),
        ),
        run=_rotate,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LatentComposite",
            display_name="Latent Composite",
            category="latent",
            description="Puts one latent into another, with soft edges if wanted.",
            inputs=(
                socket("samples_to", "LATENT"),
                socket("samples_from", "LATENT"),
                *_place("x", "y", "feather"),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_composite,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LatentCompositeMasked",
            display_name="LatentCompositeMasked",
            category="latent",
            module="comfy_extras.nodes_mask",
            description="Puts one latent into another where a mask is white.",
            inputs=(
                socket("destination", "LATENT"),
                socket("source", "LATENT"),
                *_place("x", "y"),
                InputSchema(name="resize_source", type="BOOLEAN", options={"default": False}),
                socket("mask", "MASK", required=False),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_composite_masked,
    ),
)
