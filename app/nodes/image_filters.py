"""Nodes that change the pixels of a picture: blur, edges, colours, noise."""

import torch

from app.graph.node_schema import MAX_SEED, InputSchema, NodeSchema
from app.inference.pictures import yuv
from app.inference.pictures.blur import blur, sharpen
from app.inference.pictures.canny import edges
from app.inference.pictures.images import Image
from app.inference.pictures.morphology import OPERATIONS, morph
from app.inference.pictures.quantize import DITHERS, quantize
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, number, output, socket


def _invert(context: NodeContext, *, image: Image) -> tuple[Image]:
    return (1 - image,)


def _add_noise(context: NodeContext, *, image: Image, seed: int, strength: float) -> tuple[Image]:
    # the global generator: nodes after this one that draw without a seed of their own go on from here
    noise = torch.randn(image.shape, generator=torch.manual_seed(seed))
    return ((image + strength * noise.to(image)).clamp(0, 1),)


def _blur(context: NodeContext, *, image: Image, blur_radius: int, sigma: float) -> tuple[Image]:
    return (blur(image, blur_radius, sigma),)


def _sharpen(
    context: NodeContext, *, image: Image, sharpen_radius: int, sigma: float, alpha: float
) -> tuple[Image]:
    return (sharpen(image, sharpen_radius, sigma, alpha),)


def _quantize(context: NodeContext, *, image: Image, colors: int, dither: str) -> tuple[Image]:
    return (quantize(image, colors, dither),)


def _canny(
    context: NodeContext, *, image: Image, low_threshold: float, high_threshold: float
) -> tuple[Image]:
    return (edges(image, low_threshold, high_threshold),)


def _morph(context: NodeContext, *, image: Image, operation: str, kernel_size: int) -> tuple[Image]:
    return (morph(image, operation, kernel_size),)


def _to_yuv(context: NodeContext, *, image: Image) -> tuple[Image, Image, Image]:
    return yuv.to_yuv(image)


def _to_rgb(context: NodeContext, *, Y: Image, U: Image, V: Image) -> tuple[Image]:
    return (yuv.to_rgb(Y, U, V),)


def _radius(name: str) -> InputSchema:
    return integer(name, default=1, low=1, high=31, step=1)


def _threshold(name: str, default: float) -> InputSchema:
    return number(name, default=default, low=0.01, high=0.99, step=0.01)


_IMAGE = socket("image", "IMAGE")
_PICTURE = (output("IMAGE"),)
_SIGMA = "Width of the bell in radii; small values blur less."

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="ImageInvert",
            display_name="Invert Image",
            category="image",
            description="Turns every colour into its opposite.",
            inputs=(_IMAGE,),
            outputs=_PICTURE,
        ),
        run=_invert,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageAddNoise",
            display_name="ImageAddNoise",
            category="image",
            module="comfy_extras.nodes_images",
            description="Adds random noise to pictures.",
            inputs=(
                _IMAGE,
                integer("seed", default=0, low=0, high=MAX_SEED, control_after_generate=True),
                number("strength", default=0.5, low=0.0, high=1.0, step=0.01),
            ),
            outputs=_PICTURE,
        ),
        run=_add_noise,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageBlur",
            category="image/postprocessing",
            module="comfy_extras.nodes_post_processing",
            description="Softens pictures.",
            inputs=(
                _IMAGE,
                _radius("blur_radius"),
                number("sigma", default=1.0, low=0.1, high=10.0, step=0.1, tooltip=_SIGMA),
            ),
            outputs=_PICTURE,
            v3=True,
        ),
        run=_blur,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageSharpen",
            category="image/postprocessing",
            module="comfy_extras.nodes_post_processing",
            description="Makes edges in pictures stronger.",
            inputs=(
                _IMAGE,
                _radius("sharpen_radius"),
                number("sigma", default=1.0, low=0.1, high=10.0, step=0.01, tooltip=_SIGMA),
                number("alpha", default=1.0, low=0.0, high=5.0, step=0.01, tooltip="How strong."),
            ),
            outputs=_PICTURE,
            v3=True,
        ),
        run=_sharpen,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageQuantize",
            category="image/postprocessing",
            module="comfy_extras.nodes_post_processing",
            description="Reduces pictures to a few colours.",
            inputs=(
                _IMAGE,
                integer("colors", default=256, low=1, high=256, step=1),
                choice("dither", DITHERS, multiselect=False),
            ),
            outputs=_PICTURE,
            v3=True,
        ),
        run=_quantize,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="Canny",
            category="image/preprocessors",
            module="comfy_extras.nodes_canny",
            description="Draws the edges of pictures, white on black.",
            inputs=(_IMAGE, _threshold("low_threshold", 0.4), _threshold("high_threshold", 0.8)),
            outputs=_PICTURE,
            v3=True,
        ),
        run=_canny,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="Morphology",
            display_name="ImageMorphology",
            category="image/postprocessing",
            module="comfy_extras.nodes_morphology",
            description="Widens or narrows bright parts of pictures.",
            inputs=(
                _IMAGE,
                choice("operation", tuple(OPERATIONS), multiselect=False),
                integer("kernel_size", default=3, low=3, high=999, step=1),
            ),
            outputs=_PICTURE,
            v3=True,
        ),
        run=_morph,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageRGBToYUV",
            category="image/batch",
            module="comfy_extras.nodes_morphology",
            description="Splits pictures into brightness and two colour differences.",
            inputs=(_IMAGE,),
            outputs=(output("IMAGE", "Y"), output("IMAGE", "U"), output("IMAGE", "V")),
            v3=True,
        ),
        run=_to_yuv,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageYUVToRGB",
            category="image/batch",
            module="comfy_extras.nodes_morphology",
            description="Makes pictures of brightness and two colour differences.",
            inputs=(socket("Y", "IMAGE"), socket("U", "IMAGE"), socket("V", "IMAGE")),
            outputs=_PICTURE,
            v3=True,
        ),
        run=_to_rgb,
    ),
)
