"""Nodes that tell and change the size of pictures."""

from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.pictures import sizes
from app.inference.pictures.images import Image
from app.inference.pictures.resize import missing_side, resize_image
from app.inference.pictures.stitch import pad_to
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, number, output, socket

METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")


def _size(context: NodeContext, *, image: Image) -> tuple[int, int, int]:
    batch_size, height, width, _ = image.shape
    context.text(f"width: {width}, height: {height}\n batch size: {batch_size}")
    return width, height, batch_size


def _scale(
    context: NodeContext, *, image: Image, upscale_method: str, width: int, height: int, crop: str
) -> tuple[Image]:
    if width == 0 and height == 0:
        return (image,)
    old_height, old_width = image.shape[1:3]
    width = width or max(1, missing_side(height, old_height, old_width))
    height = height or max(1, missing_side(width, old_width, old_height))
    return (resize_image(image, width, height, upscale_method, crop=crop == "center"),)


def _scale_by(context: NodeContext, *, image: Image, upscale_method: str, scale_by: float) -> tuple[Image]:
    height, width = image.shape[1:3]
    return (resize_image(image, round(width * scale_by), round(height * scale_by), upscale_method),)


def _scale_to_pixels(
    context: NodeContext, *, image: Image, upscale_method: str, megapixels: float
) -> tuple[Image]:
    height, width = image.shape[1:3]
    return (resize_image(image, *sizes.with_total_pixels(width, height, megapixels), upscale_method),)


def _scale_to_side(
    context: NodeContext, *, image: Image, upscale_method: str, largest_size: int
) -> tuple[Image]:
    height, width = image.shape[1:3]
    return (resize_image(image, *sizes.with_longest_side(width, height, largest_size), upscale_method),)


def _scale_for_kontext(context: NodeContext, *, image: Image) -> tuple[Image]:
    height, width = image.shape[1:3]
    return (resize_image(image, *sizes.nearest_kontext_size(width, height), "lanczos", crop=True),)


def _resize_and_pad(
    context: NodeContext,
    *,
    image: Image,
    target_width: int,
    target_height: int,
    padding_color: str,
    interpolation: str,
) -> tuple[Image]:
    height, width = image.shape[1:3]
    scale = min(target_width / width, target_height / height)
    fitted = resize_image(image, int(width * scale), int(height * scale), interpolation)
    return (pad_to(fitted, target_width, target_height, 1.0 if padding_color == "white" else 0.0),)


def _side(name: str, low: int = 0) -> InputSchema:
    return integer(name, default=512, low=low, high=MAX_RESOLUTION, step=1)


_IMAGE = socket("image", "IMAGE")

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="GetImageSize",
            display_name="Get Image Size",
            category="image",
            module="comfy_extras.nodes_images",
            description="Tells width, height and number of pictures.",
            inputs=(_IMAGE,),
            hidden={"unique_id": "UNIQUE_ID"},
            outputs=(output("INT", "width"), output("INT", "height"), output("INT", "batch_size")),
        ),
        run=_size,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageScale",
            display_name="Upscale Image",
            category="image/upscaling",
            description="Resizes pictures; 0 for one side keeps the aspect.",
            inputs=(
                _IMAGE,
                choice("upscale_method", METHODS),
                _side("width"),
                _side("height"),
                choice("crop", ("disabled", "center")),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_scale,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageScaleBy",
            display_name="Upscale Image By",
            category="image/upscaling",
            description="Resizes pictures by a factor.",
            inputs=(
                _IMAGE,
                choice("upscale_method", METHODS),
                number("scale_by", default=1.0, low=0.01, high=8.0, step=0.01),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_scale_by,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageScaleToTotalPixels",
            category="image/upscaling",
            module="comfy_extras.nodes_post_processing",
            description="Resizes pictures to a number of pixels in all, in their aspect.",
            inputs=(
                _IMAGE,
                choice("upscale_method", METHODS, multiselect=False),
                number(
                    "megapixels",
                    default=1.0,
                    low=0.01,
                    high=16.0,
                    step=0.01,
                    tooltip="1 is as many pixels as 1024 x 1024.",
                ),
            ),
            outputs=(output("IMAGE"),),
            v3=True,
        ),
        run=_scale_to_pixels,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageScaleToMaxDimension",
            display_name="ImageScaleToMaxDimension",
            category="image/upscaling",
            module="comfy_extras.nodes_images",
            description="Resizes pictures so that their longer side has a given length.",
            inputs=(
                _IMAGE,
                choice(
                    "upscale_method", ("area", "lanczos", "bilinear", "nearest-exact", "bilinear", "bicubic")
                ),
                _side("largest_size"),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_scale_to_side,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="FluxKontextImageScale",
            category="advanced/conditioning/flux",
            module="comfy_extras.nodes_flux",
            description="Resizes pictures to the size that suits Flux Kontext best, cut around the centre.",
            inputs=(_IMAGE,),
            outputs=(output("IMAGE"),),
            v3=True,
        ),
        run=_scale_for_kontext,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ResizeAndPadImage",
            display_name="ResizeAndPadImage",
            category="image/transform",
            module="comfy_extras.nodes_images",
            description="Fits pictures into a size without cutting, with a border around them.",
            inputs=(
                _IMAGE,
                _side("target_width", 1),
                _side("target_height", 1),
                choice("padding_color", ("white", "black")),
                choice("interpolation", ("area", "bicubic", "nearest-exact", "bilinear", "lanczos")),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_resize_and_pad,
    ),
)
