"""Writes the picture files that the recorded LoadImage cases were made with."""

from pathlib import Path

import numpy as np
from PIL import Image as Pillow

_PALETTE = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]


def write_picture(path: Path) -> None:
    """Write the file that goes by this name in the records."""
    _WRITERS[path.name](path)


def _pixels(width: int, height: int, channels: int, frame: int = 0) -> np.ndarray:
    y, x, c = np.mgrid[:height, :width, :channels]
    return ((37 * x + 53 * y + 71 * c + 11 * frame) % 256).astype(np.uint8)


def _palette() -> Pillow.Image:
    picture = Pillow.fromarray(_pixels(4, 3, 1)[..., 0] % 4, "L").convert("P")
    picture.putdata(list((_pixels(4, 3, 1)[..., 0] % 4).flatten()))
    picture.putpalette(_PALETTE)
    return picture


def _rgb(path: Path) -> None:
    Pillow.fromarray(_pixels(4, 3, 3)).save(path)


def _rgba(path: Path) -> None:
    Pillow.fromarray(_pixels(4, 3, 4)).save(path)


def _grey(path: Path) -> None:
    Pillow.fromarray(_pixels(4, 3, 1)[..., 0]).save(path)


def _grey_alpha(path: Path) -> None:
    Pillow.fromarray(_pixels(3, 2, 2)).save(path)


def _palette_transparent(path: Path) -> None:
    _palette().save(path, transparency=2)


def _palette_opaque(path: Path) -> None:
    _palette().save(path)


def _sixteen_bit(path: Path) -> None:
    Pillow.fromarray(_pixels(3, 2, 1)[..., 0].astype(np.uint16) * 257).save(path)


def _rotated(path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # orientation: turn right by a quarter
    Pillow.fromarray(_pixels(4, 3, 3)).save(path, exif=exif)


def _animated_webp(path: Path) -> None:
    first, *rest = [Pillow.fromarray(_pixels(3, 2, 3, frame)) for frame in range(3)]
    first.save(path, save_all=True, append_images=rest, lossless=True, duration=100)


def _animated_png(path: Path) -> None:
    first, second = [Pillow.fromarray(_pixels(3, 2, 4, frame)) for frame in range(2)]
    first.save(path, save_all=True, append_images=[second], duration=100)


def _tiff(path: Path) -> None:
    Pillow.fromarray(_pixels(3, 2, 3)).save(path)


def _tiff_of_two_sizes(path: Path) -> None:
    second = Pillow.fromarray(_pixels(2, 2, 3, 1))
    Pillow.fromarray(_pixels(3, 2, 3)).save(path, save_all=True, append_images=[second])


_WRITERS = {
    "rgb.png": _rgb,
    "rgba.png": _rgba,
    "l.png": _grey,
    "la.png": _grey_alpha,
    "p_tr.png": _palette_transparent,
    "p.png": _palette_opaque,
    "i16.png": _sixteen_bit,
    "exif6.png": _rotated,
    "anim.webp": _animated_webp,
    "anim.png": _animated_png,
    "one.tiff": _tiff,
    "two.tiff": _tiff_of_two_sizes,
}
