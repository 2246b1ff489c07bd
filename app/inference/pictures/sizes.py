"""Decides how large a scaled picture becomes; scaling nodes ask."""

import math

PIXELS_PER_MEGAPIXEL = 1024 * 1024

KONTEXT_SIZES = (  # width, height: those that Flux Kontext was trained on, narrowest first
    (672, 1568),
    (688, 1504),
    (720, 1456),
    (752, 1392),
    (800, 1328),
    (832, 1248),
    (880, 1184),
    (944, 1104),
    (1024, 1024),
    (1104, 944),
    (1184, 880),
    (1248, 832),
    (1328, 800),
    (1392, 752),
    (1456, 720),
    (1504, 688),
    (1568, 672),
)


def with_total_pixels(width: int, height: int, megapixels: float) -> tuple[int, int]:
    """Width and height of that many pixels together in the old aspect; half rounds to even."""
    factor = math.sqrt(int(megapixels * PIXELS_PER_MEGAPIXEL) / (width * height))
    return round(width * factor), round(height * factor)


def with_longest_side(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height in the old aspect, the longer one as given; half rounds to even."""
    if height > width:
        return round(width / height * longest), longest
    if width > height:
        return longest, round(height / width * longest)
    return longest, longest


def nearest_kontext_size(width: int, height: int) -> tuple[int, int]:
    """The size of Flux Kontext whose aspect is nearest; the narrower one of two that are as near."""
    return min(KONTEXT_SIZES, key=lambda size: abs(width / height - size[0] / size[1]))
