"""Adds a text in a box to the entries of a conditioning; the GLIGEN node calls it."""

from collections.abc import Sequence
from dataclasses import replace

from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.conditioning.gligen import (
    MOST_BOXES,
    GligenModel,
    GroundedText,
    GroundedTexts,
)
from app.inference.errors import WrongInput


class TooManyBoxes(WrongInput):
    """A conditioning carries more boxes than the network has slots for."""

    code = "too_many_boxes"


def with_box(conditioning: Conditioning, model: GligenModel, text: GroundedText) -> Conditioning:
    """Every entry with a further box; entries that shared their boxes go on sharing them.

    Raises TooManyBoxes.
    """
    made: dict[int, GroundedTexts] = {}

    def grounded(entry: CondEntry) -> CondEntry:
        before = entry.grounded_texts
        texts: Sequence[GroundedText] = () if before is None else before.texts
        if len(texts) == MOST_BOXES:
            raise TooManyBoxes(f"A picture takes at most {MOST_BOXES} boxes with texts: remove one.")
        joined = GroundedTexts(model=model, texts=(*texts, text))
        return replace(entry, grounded_texts=made.setdefault(id(before), joined))

    return tuple(grounded(entry) for entry in conditioning)
