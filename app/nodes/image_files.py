"""Nodes that load, make, save and show pictures."""

import hashlib
import io
import math
import secrets
import string
from pathlib import Path

import torch

from app.files import outputs
from app.files.png_metadata import png_text
from app.files.uploads import resolve_annotated
from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.pictures.images import Image, to_pillow
from app.inference.pictures.load_image import load_picture
from app.inference.pictures.masks import flat
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, NodeResult, choice, integer, output, socket

SAVED_COMPRESSION = 4
SHOWN_COMPRESSION = 1  # temporary files: speed counts more than size
HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
PREFIX_TOOLTIP = (
    "Beginning of the file name; a slash makes a folder. %width% %height% "
    "%year% %month% %day% %hour% %minute% %second% %batch_num% are filled in."
)


def _load(context: NodeContext, *, image: str) -> tuple[Image, Mask]:
    return load_picture(resolve_annotated(context.folders, image))


def _load_output(context: NodeContext, *, image: str) -> tuple[Image, Mask]:
    return load_picture(resolve_annotated(context.folders, image, "output"))


def _load_frame(
    context: NodeContext, *, image: str, width: int, height: int, capture_on_queue: bool
) -> tuple[Image]:
    """The page has taken the picture by the other inputs; here it is a file."""
    return _load(context, image=image)[:1]


def file_fingerprint(context: NodeContext, *, image: str | None, **_: object) -> str | None:
    """Changes when the file's content does; None for a name that comes over a link."""
    return _digest(context, image, "input")


def _output_fingerprint(context: NodeContext, *, image: str | None) -> str | None:
    return _digest(context, image, "output")


def _digest(context: NodeContext, image: str | None, default_type: str) -> str | None:
    if image is None:
        return None
    with resolve_annotated(context.folders, image, default_type).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _save(context: NodeContext, *, images: Image, filename_prefix: str) -> NodeResult:
    folder = context.folders.output
    return _write(context, images, folder, filename_prefix, kind="output", compression=SAVED_COMPRESSION)


def _preview(context: NodeContext, *, images: Image) -> NodeResult:
    return _show(context, images, SHOWN_COMPRESSION)


def _preview_mask(context: NodeContext, *, mask: Mask) -> NodeResult:
    return _show(context, flat(mask).unsqueeze(-1).expand(-1, -1, -1, 3), SAVED_COMPRESSION)


def _show(context: NodeContext, images: Image, compression: int) -> NodeResult:
    suffix = "".join(secrets.choice(string.ascii_lowercase) for _ in range(5))
    prefix = f"ComfyUI_temp_{suffix}"
    return _write(context, images, context.folders.temp, prefix, kind="temp", compression=compression)


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


def _send(context: NodeContext, *, images: Image) -> NodeResult:
    for index, image in enumerate(images.cpu()):
        context.progress(index, len(images))
        buffer = io.BytesIO()
        to_pillow(image).save(buffer, format="PNG")
        context.picture(buffer.getvalue())
    return NodeResult()


def _always(context: NodeContext, **_: object) -> float:
    """NaN is never equal to what it was: the node runs each time."""
    return math.nan


def _empty(context: NodeContext, *, width: int, height: int, batch_size: int, color: int) -> tuple[Image]:
    rgb = torch.tensor([color >> 16 & 255, color >> 8 & 255, color & 255], dtype=torch.float32) / 255
    return (rgb.expand(batch_size, height, width, 3).contiguous(),)


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
            class_type="LoadImageOutput",
            display_name="Load Image (from Outputs)",
            category="image",
            description="Loads a picture that was saved before; refresh to choose the newest.",
            inputs=(
                choice(
                    "image",
                    source="output_files",
                    image_upload=True,
                    image_folder="output",
                    remote={
                        "route": "/internal/files/output",
                        "refresh_button": True,
                        "control_after_refresh": "first",
                    },
                ),
            ),
            outputs=(output("IMAGE"), output("MASK")),
            has_fingerprint=True,
            validates=("image",),
            experimental=True,
        ),
        run=_load_output,
        fingerprint=_output_fingerprint,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="WebcamCapture",
            display_name="Webcam Capture",
            category="image",
            module="comfy_extras.nodes_webcam",
            description="Takes a picture with the camera of the computer that shows the page.",
            inputs=(
                InputSchema(name="image", type="WEBCAM"),
                integer("width", default=0, low=0, high=MAX_RESOLUTION, step=1),
                integer("height", default=0, low=0, high=MAX_RESOLUTION, step=1),
                InputSchema(name="capture_on_queue", type="BOOLEAN", options={"default": True}),
            ),
            outputs=(output("IMAGE"),),
            has_fingerprint=True,
            validates=("image",),
        ),
        run=_load_frame,
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
                    options={"default": "ComfyUI", "tooltip": PREFIX_TOOLTIP},
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
            class_type="MaskPreview",
            display_name="MaskPreview",
            category="mask",
            module="comfy_extras.nodes_mask",
            description="Shows masks as grey pictures without keeping them.",
            inputs=(socket("mask", "MASK"),),
            hidden=HIDDEN,
            output_node=True,
        ),
        run=_preview_mask,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SaveImageWebsocket",
            display_name="SaveImageWebsocket",
            category="api/image",
            module="custom_nodes.websocket_image_save",
            description="Sends pictures to the program that queued the prompt, without writing files.",
            inputs=(socket("images", "IMAGE"),),
            output_node=True,
            has_fingerprint=True,
        ),
        run=_send,
        fingerprint=_always,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="EmptyImage",
            display_name="EmptyImage",
            category="image",
            description="Pictures of one colour.",
            inputs=(
                integer("width", default=512, low=1, high=MAX_RESOLUTION, step=1),
                integer("height", default=512, low=1, high=MAX_RESOLUTION, step=1),
                integer("batch_size", default=1, low=1, high=4096),
                integer("color", default=0, low=0, high=0xFFFFFF, step=1, display="color"),
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_empty,
    ),
)
