"""Opens pictures from strangers: format and declared size are checked before anything is decoded.

Used by routes that take or convert pictures and by the nodes that load them. Limits: security rule R11.
"""

import contextlib
import threading
import warnings
from collections.abc import Generator, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from app.files.errors import BrokenMedia, MediaRefused, MediaTooLarge, UnsupportedMedia

MAX_SIDE = 8192
MAX_PIXELS = 100_000_000
MAX_ANIMATION_PIXELS = 1_000_000_000
MAX_FRAMES = 1000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
TIFF_COMPRESSIONS = frozenset({"raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "jpeg"})
"""Those of everyday programs; the other decoders behind TIFF are as rare as the formats left out above."""

_truncated_lock = threading.Lock()  # Pillow keeps this switch in a global
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError)


def open_picture(source: Path | str | bytes | BinaryIO, *, allow_truncated: bool = False) -> Image.Image:
    """The picture in `source` with its first frame decoded.

    With `allow_truncated` a file that ends early is decoded as far as it goes. Raises UnsupportedMedia for
    other formats than `FORMATS`, MediaTooLarge before decoding, BrokenMedia.
    """
    picture = _identify(BytesIO(source) if isinstance(source, bytes) else source)
    try:
        _check_page(picture)
        _check_frames(picture)
        with _truncated() if allow_truncated else contextlib.nullcontext():
            picture.load()
    except MediaRefused:
        picture.close()
        raise
    except (*_BROKEN, Image.DecompressionBombError) as exc:
        picture.close()
        raise BrokenMedia(f"The picture cannot be decoded ({exc}); save it again and retry.") from exc
    return picture


def frames(picture: Image.Image, *, allow_truncated: bool = False) -> Iterator[Image.Image]:
    """Each frame of `picture` as a copy; a broken later frame ends the sequence or raises BrokenMedia.

    Pages of a TIFF may differ in size. Raises MediaTooLarge as soon as one of them, or all together, are too
    large, UnsupportedMedia for a page in a compression that is not decoded.
    """
    pixels = 0
    for index in range(frame_count(picture)):
        try:
            with _truncated() if allow_truncated else contextlib.nullcontext():
                picture.seek(index)
                _check_page(picture)
                pixels += picture.size[0] * picture.size[1]
                if index and pixels > MAX_ANIMATION_PIXELS:
                    raise MediaTooLarge(
                        f"The picture's frames have more than {MAX_ANIMATION_PIXELS} pixels together."
                    )
                frame = picture.copy()
        except MediaRefused:
            raise
        except _BROKEN as exc:
            if allow_truncated and index:
                return
            raise BrokenMedia(f"Frame {index} of the picture cannot be decoded ({exc}).") from exc
        yield frame


def frame_count(picture: Image.Image) -> int:
    """Number of frames that the file declares; 1 for still pictures and for stereo JPEG.

    The pages of a TIFF are counted by walking them, which ends at the first one above the limit.
    """
    if isinstance(picture, TiffImageFile):
        return _pages(picture)
    return 1 if picture.format in ("JPEG", "MPO") else int(getattr(picture, "n_frames", 1))


def _pages(picture: TiffImageFile) -> int:
    before, count = picture.tell(), 1
    try:
        while count <= MAX_FRAMES:
            picture.seek(count)
            count += 1
    except EOFError:
        pass
    picture.seek(before)
    return count


def _identify(source: Path | str | BinaryIO) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limits follow
            return Image.open(source, formats=FORMATS)
    except UnidentifiedImageError as exc:
        raise UnsupportedMedia(
            f"This is not a picture in a format that can be opened ({', '.join(FORMATS)})."
        ) from exc
    except Image.DecompressionBombError as exc:
        raise MediaTooLarge(f"The picture is larger than {MAX_SIDE} x {MAX_SIDE} pixels.") from exc
    except FileNotFoundError:
        raise
    except _BROKEN as exc:
        raise BrokenMedia(f"The picture's header cannot be read ({exc}); save it again and retry.") from exc


def _check_page(picture: Image.Image) -> None:
    """Raise when the frame that `picture` stands at is too large or, in a TIFF, rarely compressed."""
    if isinstance(picture, TiffImageFile):
        _check_tiff(picture)
    width, height = picture.size
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise MediaTooLarge(
            f"The picture has {width} x {height} pixels; the limit is {MAX_SIDE} x {MAX_SIDE} "
            f"and {MAX_PIXELS} pixels in all. Make it smaller and retry."
        )


def _check_tiff(picture: TiffImageFile) -> None:
    compression = picture.info.get("compression")
    if compression not in TIFF_COMPRESSIONS:
        raise UnsupportedMedia(
            f"TIFF pictures with the compression {compression!r} cannot be opened: save it as PNG and retry."
        )
    tile = [picture.tag_v2.get(side, 0) for side in (TILEWIDTH, TILELENGTH)]
    if max(tile) > MAX_SIDE:  # a decoder makes room for whole tiles
        raise MediaTooLarge(f"The picture has tiles of {tile} pixels; the limit is {MAX_SIDE}.")


def _check_frames(picture: Image.Image) -> None:
    count = frame_count(picture)
    pixels = count * picture.size[0] * picture.size[1]
    if count > MAX_FRAMES:
        raise MediaTooLarge(f"The picture has {count} frames; the limit is {MAX_FRAMES}.")
    if count > 1 and pixels > MAX_ANIMATION_PIXELS:
        raise MediaTooLarge(
            f"The picture's {count} frames have {pixels} pixels; the limit is {MAX_ANIMATION_PIXELS}."
        )


@contextlib.contextmanager
def _truncated() -> Generator[None]:
    with _truncated_lock:
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before
