"""Nodes that scale and mask latents."""

from app.graph.node_schema import MAX_RESOLUTION, NodeSchema
from app.inference.latents.batch import LatentBatch
from app.inference.pictures.resize import missing_side, resize_latent
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, number, output, socket

CELL = 8  # pixels per latent cell
SMALLEST = 64  # pixels; a smaller latent than this has nothing to show
METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "bislerp")


def _upscale(
    context: NodeContext, *, samples: LatentBatch, upscale_method: str, width: int, height: int, crop: str
) -> tuple[LatentBatch]:
    if width == 0 and height == 0:
        return (samples,)
    old_height, old_width = samples.samples.shape[-2:]
    width = max(SMALLEST, width or missing_side(max(SMALLEST, height), old_height, old_width))
    height = max(SMALLEST, height or missing_side(width, old_width, old_height))
    resized = resize_latent(
        samples.samples, width // CELL, height // CELL, upscale_method, crop=crop == "center"
    )
    return (samples.with_samples(resized),)


def _upscale_by(
    context: NodeContext, *, samples: LatentBatch, upscale_method: str, scale_by: float
) -> tuple[LatentBatch]:
    height, width = samples.samples.shape[-2:]
    resized = resize_latent(
        samples.samples, round(width * scale_by), round(height * scale_by), upscale_method
    )
    return (samples.with_samples(resized),)


def _set_noise_mask(context: NodeContext, *, samples: LatentBatch, mask: Mask) -> tuple[LatentBatch]:
    noise_mask = mask.reshape(-1, 1, mask.shape[-2], mask.shape[-1])
    return (LatentBatch(samples=samples.samples, noise_mask=noise_mask, batch_index=samples.batch_index),)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="LatentUpscale",
            display_name="Upscale Latent",
            category="latent",
            description="Resizes latents to a picture size; 0 for one side keeps the aspect.",
            inputs=(
                socket("samples", "LATENT"),
                choice("upscale_method", METHODS),
                integer("width", default=512, low=0, high=MAX_RESOLUTION, step=8),
                integer("height", default=512, low=0, high=MAX_RESOLUTION, step=8),
                choice("crop", ("disabled", "center")),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_upscale,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LatentUpscaleBy",
            display_name="Upscale Latent By",
            category="latent",
            description="Resizes latents by a factor.",
            inputs=(
                socket("samples", "LATENT"),
                choice("upscale_method", METHODS),
                number("scale_by", default=1.5, low=0.01, high=8.0, step=0.01),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_upscale_by,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SetLatentNoiseMask",
            display_name="Set Latent Noise Mask",
            category="latent/inpaint",
            description="Only where the mask is white will sampling change the picture.",
            inputs=(socket("samples", "LATENT"), socket("mask", "MASK")),
            outputs=(output("LATENT"),),
        ),
        run=_set_noise_mask,
    ),
)
