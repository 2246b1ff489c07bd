"""Nodes that load upscale models and enlarge pictures with them."""

from app.graph.node_schema import NodeSchema
from app.inference.models.upscalers.load_upscaler import load_upscaler
from app.inference.models.upscalers.upscaler import Upscaler
from app.inference.pictures.images import Image
from app.inference.pictures.upscale import upscaled
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, output, socket


def _load(context: NodeContext, *, model_name: str) -> tuple[Upscaler]:
    path = context.folders.models.resolve("upscale_models", model_name)
    return (context.models.get("upscale model", path, load_upscaler),)


def _upscale(context: NodeContext, *, upscale_model: Upscaler, image: Image) -> tuple[Image]:
    return (upscaled(upscale_model, image, context.progress),)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="UpscaleModelLoader",
            display_name="Load Upscale Model",
            category="loaders",
            module="comfy_extras.nodes_upscale_model",
            description="Loads a network that enlarges pictures: ESRGAN and its kin, or a Compact one.",
            inputs=(
                choice(
                    "model_name",
                    source="models:upscale_models",
                    multiselect=False,
                    tooltip="A file in models/upscale_models.",
                ),
            ),
            outputs=(output("UPSCALE_MODEL"),),
            v3=True,
        ),
        run=_load,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageUpscaleWithModel",
            display_name="Upscale Image (using Model)",
            category="image/upscaling",
            module="comfy_extras.nodes_upscale_model",
            description="Enlarges pictures with an upscale model, tile by tile.",
            inputs=(socket("upscale_model", "UPSCALE_MODEL"), socket("image", "IMAGE")),
            outputs=(output("IMAGE"),),
            v3=True,
        ),
        run=_upscale,
    ),
)
