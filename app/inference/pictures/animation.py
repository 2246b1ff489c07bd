"""Encodes pictures as one animation with the prompt inside; the nodes that save animations call it.

Only the first picture's size counts: all pictures of a batch have it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from app.inference.errors import SizeNotUsable

MODEL_TAG, MAKE_TAG = 0x0110, 0x010F  # of EXIF; readers of ComfyUI's files look there
WEBP_METHODS = {"default": 4, "fastest": 0, "slowest": 6}  # effort of the encoder
WEBP_LONGEST = 16383  # pixels; the format has 14 bits for a side

Documents = Mapping[str, Any]
"""What to embed by name: the prompt first, then everything that came with it."""


def documents(prompt: Mapping[str, Any] | None, extra: Mapping[str, Any] | None) -> Documents:
    """All documents by name; empty when there is no prompt to embed."""
    return {} if prompt is None else {"prompt": prompt, **(extra or {})}


def write_webp(
    file: BinaryIO,
    frames: Sequence[Pillow.Image],
    *,
    frame_ms: int,
    lossless: bool,
    quality: int,
    method: str,
    embedded: Documents,
) -> None:
    """An animated WebP; documents stand in EXIF tags, counting down, as `name:json`.

    Raises SizeNotUsable for pictures larger than the format allows.
    """
    if max(frames[0].size) > WEBP_LONGEST:
        raise SizeNotUsable(
            f"WebP pictures have at most {WEBP_LONGEST} pixels along a side, not {max(frames[0].size)}: "
            "scale them down, or save a PNG."
        )
    exif = Pillow.Exif()
    for tag, (name, document) in zip(_tags(), embedded.items(), strict=False):
        exif[tag] = f"{name}:{json.dumps(document)}"
    frames[0].save(
        file,
        format="WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=frame_ms,
        lossless=lossless,
        quality=quality,
        method=WEBP_METHODS[method],
        exif=exif,
    )


def write_png(
    file: BinaryIO, frames: Sequence[Pillow.Image], *, frame_ms: int, compression: int, embedded: Documents
) -> None:
    """An animated PNG; documents stand in private chunks `comf` behind the pictures, `name\\0json`.

    Names that Latin-1 lacks are left out.
    """
    info = PngInfo()
    for name, document in embedded.items():
        content = f"{name}\0{json.dumps(document)}"
        try:
            info.add(b"comf", content.encode("latin-1"), after_idat=True)
        except UnicodeEncodeError:
            continue
    frames[0].save(
        file,
        format="PNG",
        save_all=True,
        append_images=frames[1:],
        duration=frame_ms,
        compress_level=compression,
        pnginfo=info,
    )


def _tags() -> Iterator[int]:
    yield MODEL_TAG
    yield from range(MAKE_TAG, 0, -1)
