"""Nodes that make empty latents, to start from noise; each family has its own channels and cells."""

import torch

from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.latents.batch import LatentBatch
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, integer, output

CELL = 8  # pixels per latent cell


def _empty(batch_size: int, channels: int, height: int, width: int) -> LatentBatch:
    return LatentBatch(samples=torch.zeros(batch_size, channels, height, width))


def _stable_diffusion(
    context: NodeContext, *, width: int, height: int, batch_size: int
) -> tuple[LatentBatch]:
    return (_empty(batch_size, 4, height // CELL, width // CELL),)


def _sd3(context: NodeContext, *, width: int, height: int, batch_size: int) -> tuple[LatentBatch]:
    return (_empty(batch_size, 16, height // CELL, width // CELL),)


def _chroma_radiance(context: NodeContext, *, width: int, height: int, batch_size: int) -> tuple[LatentBatch]:
    return (_empty(batch_size, 3, height, width),)


def _cascade(
    context: NodeContext, *, width: int, height: int, compression: int, batch_size: int
) -> tuple[LatentBatch, LatentBatch]:
    stage_c = _empty(batch_size, 16, height // compression, width // compression)
    return stage_c, _empty(batch_size, 4, height // 4, width // 4)


def _sides(default: int, *, low: int = 16, step: int) -> tuple[InputSchema, ...]:
    return tuple(
        integer(name, default=default, low=low, high=MAX_RESOLUTION, step=step, tooltip="In pixels.")
        for name in ("width", "height")
    )


_BATCH_SIZE = integer("batch_size", default=1, low=1, high=4096, tooltip="How many pictures at once.")

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="EmptyLatentImage",
            display_name="Empty Latent Image",
            category="latent",
            description="An empty latent of the wanted picture size, to start a picture from noise.",
            inputs=(*_sides(512, step=8), _BATCH_SIZE),
            outputs=(output("LATENT"),),
        ),
        run=_stable_diffusion,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="EmptySD3LatentImage",
            category="latent/sd3",
            module="comfy_extras.nodes_sd3",
            description="An empty latent of 16 channels, as SD3 and Flux take it.",
            inputs=(*_sides(1024, step=16), _BATCH_SIZE),
            outputs=(output("LATENT"),),
            v3=True,
        ),
        run=_sd3,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="EmptyChromaRadianceLatentImage",
            category="latent/chroma_radiance",
            module="comfy_extras.nodes_chroma_radiance",
            description="An empty picture for Chroma Radiance, which works on pixels.",
            inputs=(*_sides(1024, step=16), _BATCH_SIZE),
            outputs=(output("LATENT"),),
            v3=True,
        ),
        run=_chroma_radiance,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="StableCascade_EmptyLatentImage",
            category="latent/stable_cascade",
            module="comfy_extras.nodes_stable_cascade",
            description="Empty latents for both stages of Stable Cascade.",
            inputs=(
                *_sides(1024, low=256, step=8),
                integer(
                    "compression",
                    default=42,
                    low=4,
                    high=128,
                    step=1,
                    tooltip="Pixels per cell of stage C along one side.",
                ),
                _BATCH_SIZE,
            ),
            outputs=(output("LATENT", "stage_c"), output("LATENT", "stage_b")),
            v3=True,
        ),
        run=_cascade,
    ),
)
