"""Nodes that save a batch of pictures as one animation."""

from collections.abc import Callable
from typing import BinaryIO

from PIL import Image as Pillow

from app.files import outputs
from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.pictures import animation
from app.inference.pictures.images import Image, to_pillow
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, NodeResult, choice, integer, number, socket
from app.nodes.image_files import HIDDEN, PREFIX_TOOLTIP


def _save_webp(
    context: NodeContext,
    *,
    images: Image,
    filename_prefix: str,
    fps: float,
    lossless: bool,
    quality: int,
    method: str,
    num_frames: int = 0,
) -> NodeResult:
    """`num_frames` per file, 0: all in one; no editor offers it, but programs may call the node with it."""

    def write(file: BinaryIO, frames: list[Pillow.Image]) -> None:
        animation.write_webp(
            file,
            frames,
            frame_ms=_frame_ms(fps),
            lossless=lossless,
            quality=quality,
            method=method,
            embedded=_embedded(context),
        )

    return _save(context, images, filename_prefix, ".webp", num_frames or len(images), write)


def _save_png(
    context: NodeContext, *, images: Image, filename_prefix: str, fps: float, compress_level: int
) -> NodeResult:
    def write(file: BinaryIO, frames: list[Pillow.Image]) -> None:
        animation.write_png(
            file,
            frames,
            frame_ms=_frame_ms(fps),
            compression=compress_level,
            embedded=_embedded(context),
        )

    return _save(context, images, filename_prefix, ".png", len(images), write)


def _save(
    context: NodeContext,
    images: Image,
    prefix: str,
    suffix: str,
    per_file: int,
    write: Callable[[BinaryIO, list[Pillow.Image]], None],
) -> NodeResult:
    height, width = images.shape[1:3]
    target = outputs.next_output(context.folders.output, prefix, width, height)
    pictures = [to_pillow(each) for each in images.cpu()]
    shown: list[dict[str, str]] = []
    for index, start in enumerate(range(0, len(pictures), per_file)):
        path = target.path(index, suffix)
        frames = pictures[start : start + per_file]
        context.created(path)
        outputs.write_atomically(path, lambda file, frames=frames: write(file, frames))
        shown.append({"filename": path.name, "subfolder": target.subfolder, "type": "output"})
    return NodeResult(ui={"images": shown, "animated": [True]})


def _frame_ms(fps: float) -> int:
    return int(1000 / fps)


def _embedded(context: NodeContext) -> animation.Documents:
    return animation.documents(context.prompt if context.metadata else None, context.extra_pnginfo)


_PREFIX = InputSchema(
    name="filename_prefix", type="STRING", options={"default": "ComfyUI", "tooltip": PREFIX_TOOLTIP}
)
_FPS = number("fps", default=6.0, low=0.01, high=1000.0, step=0.01, tooltip="Pictures per second.")

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="SaveAnimatedWEBP",
            display_name="SaveAnimatedWEBP",
            category="image/animation",
            module="comfy_extras.nodes_images",
            description="Saves a batch of pictures as one animated WebP file, the workflow inside.",
            inputs=(
                socket("images", "IMAGE"),
                _PREFIX,
                _FPS,
                InputSchema(name="lossless", type="BOOLEAN", options={"default": True}),
                integer("quality", default=80, low=0, high=100),
                choice("method", tuple(animation.WEBP_METHODS)),
            ),
            hidden=HIDDEN,
            output_node=True,
        ),
        run=_save_webp,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SaveAnimatedPNG",
            display_name="SaveAnimatedPNG",
            category="image/animation",
            module="comfy_extras.nodes_images",
            description="Saves a batch of pictures as one animated PNG file, the workflow inside.",
            inputs=(
                socket("images", "IMAGE"),
                _PREFIX,
                _FPS,
                integer("compress_level", default=4, low=0, high=9),
            ),
            hidden=HIDDEN,
            output_node=True,
        ),
        run=_save_png,
    ),
)
