"""The weight syntax of prompts, `(word:1.3)`; turns a text into segments of one weight each.

`(text)` multiplies the weight by 1.1 for every level. `(text:1.3)` sets it to 1.3, whatever is around it; the
number is what follows the last colon in the parentheses. `\\(` and `\\)` are plain parentheses, and so are
those without a partner: text from an open one on is taken as it is.
"""

import math
import re
from dataclasses import dataclass

EMPHASIS = 1.1

_PIECE = re.compile(r"\\[()]|[()]|\\|[^\\()]+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text with one weight."""

    text: str
    weight: float


def weighted_segments(text: str) -> list[Segment]:
    """The prompt as segments in reading order, escapes resolved; empty ones are left out."""
    pieces: list[str] = _PIECE.findall(text)
    partners = _partners(pieces)
    segments: list[Segment] = []
    weights, plain = [1.0], ""
    for place, piece in enumerate(pieces):
        if piece == "(" and place not in partners:
            plain += "".join(_unescaped(rest) for rest in pieces[place:])
            break
        opens, closes = piece == "(", piece == ")" and len(weights) > 1
        if opens or closes:
            segments.append(Segment(plain, weights[-1]))
            plain = ""
        if opens:
            weights.append(_take_weight(pieces, partners[place], weights[-1]))
        elif closes:
            weights.pop()
        else:
            plain += _unescaped(piece)
    segments.append(Segment(plain, weights[-1]))
    return [segment for segment in segments if segment.text]


def _partners(pieces: list[str]) -> dict[int, int]:
    """Place of the closing parenthesis for the place of each opening one that has a partner."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    for place, piece in enumerate(pieces):
        if piece == "(":
            opened.append(place)
        elif piece == ")" and opened:
            partners[opened.pop()] = place
    return partners


def _take_weight(pieces: list[str], closing: int, around: float) -> float:
    """Weight of the group that ends at `closing`; a number at its end is taken out of the text."""
    text, colon, number = pieces[closing - 1].rpartition(":")
    weight = _number(number) if colon else None
    if weight is None:
        return around * EMPHASIS
    pieces[closing - 1] = text
    return weight


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unescaped(piece: str) -> str:
    return piece[1] if piece in (r"\(", r"\)") else piece
