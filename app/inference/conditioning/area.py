"""Rectangles that conditioning and boxes are bound to; `entry.py` carries them, `reach.py` reads them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Area:
    """A rectangle of the latent, in cells."""

    height: int
    width: int
    y: int
    x: int


@dataclass(frozen=True, kw_only=True)
class AreaShare:
    """A rectangle in shares (0..1) of the picture's height and width."""

    height: float
    width: float
    y: float
    x: float
