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

from app.files.errors import BrokenMedia, MediaTooLarge, UnsupportedMedia

MAX_SIDE = 8192
MAX_PIXELS = 100_000_000
MAX_ANIMATION_PIXELS = 1_000_000_000
MAX_FRAMES = 1000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")

_truncated_lock = threading.Lock()  # Pillow keeps this switch in a global
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError)


def open_picture(source: Path | str | bytes | BinaryIO, *, allow_truncated: bool = False) -> Image.Image:
    """The picture in `source` with its first frame decoded.

    With `allow_truncated` a file that ends early is decoded as far as it goes. Raises UnsupportedMedia for
    other formats than `FORMATS`, MediaTooLarge before decoding, BrokenMedia.
    """
    picture = _identify(BytesIO(source) if isinstance(source, bytes) else source)
    _check_size(picture)
    try:
        _check_frames(picture)
        with _truncated() if allow_truncated else contextlib.nullcontext():
            picture.load()
    except MediaTooLarge:
        picture.close()
        raise
    except (*_BROKEN, Image.DecompressionBombError) as exc:
        picture.close()
        raise BrokenMedia(f"The picture cannot be decoded ({exc}); save it again and retry.") from exc
    return picture


def frames(picture: Image.Image, *, allow_truncated: bool = False) -> Iterator[Image.Image]:
    """Each frame of `picture` as a copy; a broken later frame ends the sequence or raises BrokenMedia."""
    for index in range(frame_count(picture)):
        try:
            with _truncated() if allow_truncated else contextlib.nullcontext():
                picture.seek(index)
                frame = picture.copy()
        except _BROKEN as exc:
            if allow_truncated and index:
                return
            raise BrokenMedia(f"Frame {index} of the picture cannot be decoded ({exc}).") from exc
        yield frame


def frame_count(picture: Image.Image) -> int:
    """Number of frames that the file declares; 1 for still pictures and for stereo JPEG."""
    return 1 if picture.format in ("JPEG", "MPO") else int(getattr(picture, "n_frames", 1))


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


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        picture.close()
        raise MediaTooLarge(
            f"The picture has {width} x {height} pixels; the limit is {MAX_SIDE} x {MAX_SIDE} "
            f"and {MAX_PIXELS} pixels in all. Make it smaller and retry."
        )


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
