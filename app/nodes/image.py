"""Nodes that load, save, show, make and scale pictures."""

import hashlib
import secrets
import string
from pathlib import Path

import torch

from app.files import outputs
from app.files.png_metadata import png_text
from app.files.uploads import resolve_annotated
from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.images import Image, to_pillow
from app.inference.load_image import load_picture
from app.inference.resize import missing_side, resize_image
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, NodeResult, choice, integer, number, output, socket

METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")
SAVED_COMPRESSION = 4
SHOWN_COMPRESSION = 1  # temporary files: speed counts more than size
HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


def _load(context: NodeContext, *, image: str) -> tuple[Image, Mask]:
    return load_picture(resolve_annotated(context.folders, image))


def file_fingerprint(context: NodeContext, *, image: str | None, **_: object) -> str | None:
    """Changes when the file's content does; None for a name that comes over a link."""
    if image is None:
        return None
    with resolve_annotated(context.folders, image).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _save(context: NodeContext, *, images: Image, filename_prefix: str) -> NodeResult:
    folder = context.folders.output
    return _write(context, images, folder, filename_prefix, kind="output", compression=SAVED_COMPRESSION)


def _preview(context: NodeContext, *, images: Image) -> NodeResult:
    suffix = "".join(secrets.choice(string.ascii_lowercase) for _ in range(5))
    prefix = f"ComfyUI_temp_{suffix}"
    folder = context.folders.temp
    return _write(context, images, folder, prefix, kind="temp", compression=SHOWN_COMPRESSION)


def _write(
    context: NodeContext, images: Image, root: Path, prefix: str, *, kind: str, compression: int
) -> NodeResult:
    height, width = images.shape[1:3]
    target = outputs.next_output(root, prefix, width, height)
    text = png_text(context.prompt, context.extra_pnginfo) if context.metadata else None
    shown: list[dict[str, str]] = []
    for index, image in enumerate(images.cpu()):
        path = target.path(index)
        picture = to_pillow(image)
        context.created(path)
        outputs.write_atomically(
            path,
            lambda file, picture=picture: picture.save(
                file, format="PNG", pnginfo=text, compress_level=compression
            ),
        )
        shown.append({"filename": path.name, "subfolder": target.subfolder, "type": kind})
    return NodeResult(ui={"images": shown})


def _invert(context: NodeContext, *, image: Image) -> tuple[Image]:
    return (1 - image,)


def _empty(context: NodeContext, *, width: int, height: int, batch_size: int, color: int) -> tuple[Image]:
    rgb = torch.tensor([color >> 16 & 255, color >> 8 & 255, color & 255], dtype=torch.float32) / 255
    return (rgb.expand(batch_size, height, width, 3).contiguous(),)


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


def _side(name: str, low: int) -> InputSchema:
    return integer(name, default=512, low=low, high=MAX_RESOLUTION, step=1)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="LoadImage",
            display_name="Load Image",
            category="image",
            description="Loads a picture from the input folder; its transparency becomes the mask.",
            inputs=(choice("image", source="input_images", image_upload=True),),
            outputs=(output("IMAGE"), output("MASK")),
            has_fingerprint=True,
            validates=("image",),
        ),
        run=_load,
        fingerprint=file_fingerprint,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SaveImage",
            display_name="Save Image",
            category="image",
            description="Writes pictures into the output folder as PNG files, the workflow inside.",
            inputs=(
                socket("images", "IMAGE"),
                InputSchema(
                    name="filename_prefix",
                    type="STRING",
                    options={
                        "default": "ComfyUI",
                        "tooltip": "Beginning of the file name; a slash makes a folder. %width% %height% "
                        "%year% %month% %day% %hour% %minute% %second% %batch_num% are filled in.",
                    },
                ),
            ),
            hidden=HIDDEN,
            output_node=True,
        ),
        run=_save,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="PreviewImage",
            display_name="Preview Image",
            category="image",
            description="Shows pictures without keeping them.",
            inputs=(socket("images", "IMAGE"),),
            hidden=HIDDEN,
            output_node=True,
        ),
        run=_preview,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageInvert",
            display_name="Invert Image",
            category="image",
            description="Turns every colour into its opposite.",
            inputs=(socket("image", "IMAGE"),),
            outputs=(output("IMAGE"),),
        ),
        run=_invert,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="EmptyImage",
            display_name="EmptyImage",
            category="image",
            description="Pictures of one colour.",
            inputs=(
                _side("width", 1),
                _side("height", 1),
                integer("batch_size", default=1, low=1, high=4096),
                integer("color", default=0, low=0, high=0xFFFFFF, step=1, display="color"),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_empty,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ImageScale",
            display_name="Upscale Image",
            category="image/upscaling",
            description="Resizes pictures; 0 for one side keeps the aspect.",
            inputs=(
                socket("image", "IMAGE"),
                choice("upscale_method", METHODS),
                _side("width", 0),
                _side("height", 0),
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
                socket("image", "IMAGE"),
                choice("upscale_method", METHODS),
                number("scale_by", default=1.0, low=0.01, high=8.0, step=0.01),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_scale_by,
    ),
)
