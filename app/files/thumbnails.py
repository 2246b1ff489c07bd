"""Smaller or simpler versions of pictures for the page: other formats, single channels, masks; for routes."""

import io
from dataclasses import dataclass
from typing import BinaryIO, Literal

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.files.errors import MediaRefused
from app.files.media_limits import open_picture
from app.files.png_metadata import read_png_text

DEFAULT_QUALITY = 90


@dataclass(frozen=True, kw_only=True)
class Converted:
    """An encoded picture."""

    content: bytes
    content_type: str


def preview(file: BinaryIO, *, image_format: Literal["webp", "jpeg"], quality: int, rgb: bool) -> Converted:
    """The picture as WebP or JPEG, `quality` 1..100; JPEG and `rgb` drop alpha. Raises MediaRefused."""
    with open_picture(file) as picture:
        image = picture.convert("RGB") if rgb or image_format == "jpeg" else _with_plain_mode(picture)
        return _encoded(image, image_format, quality=quality)


def without_alpha(file: BinaryIO) -> Converted:
    """The picture as PNG without its alpha channel. Raises MediaRefused."""
    with open_picture(file) as picture:
        if "A" not in picture.getbands() and "transparency" not in picture.info:
            return _encoded(picture.convert("RGB"), "png")
        red, green, blue, _alpha = picture.convert("RGBA").split()
        return _encoded(Image.merge("RGB", (red, green, blue)), "png")


def only_alpha(file: BinaryIO) -> Converted:
    """A black RGBA PNG with the picture's alpha, opaque if it has none. Raises MediaRefused."""
    with open_picture(file) as picture:
        alpha = picture.convert("RGBA").getchannel("A")
        image = Image.new("RGBA", picture.size)
        image.putalpha(alpha)
        return _encoded(image, "png")


def with_alpha_of(original: BinaryIO, mask: BinaryIO) -> bytes:
    """`original` as RGBA PNG with the alpha of `mask`; text chunks are kept.

    Raises MediaRefused when one is no picture or their sizes differ.
    """
    text = PngInfo()
    for key, value in read_png_text(original).items():
        text.add_text(key, value)
    original.seek(0)
    with open_picture(original) as picture, open_picture(mask) as masking:
        if picture.size != masking.size:
            raise MediaRefused(
                f"The mask has {masking.size} pixels, the picture {picture.size}; they must be of one size."
            )
        image = picture.convert("RGBA")
        image.putalpha(masking.convert("RGBA").getchannel("A"))
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=4, pnginfo=text)
        return buffer.getvalue()


def shrunken(file: BinaryIO, longest_side: int) -> Converted:
    """A WebP of at most `longest_side` pixels. Raises MediaRefused."""
    with open_picture(file) as picture:
        image = _with_plain_mode(picture)
        image.thumbnail((longest_side, longest_side))
        return _encoded(image, "webp", quality=DEFAULT_QUALITY)


def _with_plain_mode(picture: Image.Image) -> Image.Image:
    transparent = "A" in picture.getbands() or "transparency" in picture.info
    return picture.convert("RGBA" if transparent else "RGB")


def _encoded(image: Image.Image, image_format: str, *, quality: int | None = None) -> Converted:
    buffer = io.BytesIO()
    options = {"compress_level": 4} if quality is None else {"quality": quality}
    image.save(buffer, image_format.upper(), **options)
    return Converted(content=buffer.getvalue(), content_type=f"image/{image_format}")
