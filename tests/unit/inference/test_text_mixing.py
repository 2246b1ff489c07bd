"""Joining and averaging texts: what is refused, and that nothing else of an entry changes."""

import pytest
import torch

from app.inference.conditioning.area import Area
from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.text.mixing import NoText, TextsDoNotFit, averaged, joined, silenced

AREA = Area(height=8, width=8, y=0, x=0)
NARROW: Conditioning = (CondEntry(tokens=torch.ones(1, 2, 3), area=AREA, strength=0.5),)
WIDE: Conditioning = (CondEntry(tokens=torch.ones(1, 2, 4)),)


def test_joining_nothing_is_refused() -> None:
    with pytest.raises(NoText, match="connect an encoded text"):
        joined(NARROW, ())


def test_averaging_with_nothing_is_refused() -> None:
    with pytest.raises(NoText, match="connect an encoded text"):
        averaged(NARROW, (), 0.5)


def test_texts_of_other_encoders_are_refused() -> None:
    with pytest.raises(TextsDoNotFit, match="same text encoder"):
        joined(NARROW, WIDE)
    with pytest.raises(TextsDoNotFit, match="same text encoder"):
        averaged(NARROW, WIDE, 0.5)


def test_a_batch_of_texts_gets_the_other_behind_each() -> None:
    both = (CondEntry(tokens=torch.zeros(2, 1, 3)),)

    (entry,) = joined(both, NARROW)

    assert entry.tokens[:, :, 0].tolist() == [[0, 1, 1], [0, 1, 1]]


def test_place_and_strength_stay() -> None:
    for (entry,) in (joined(NARROW, NARROW), averaged(NARROW, NARROW, 0.5), silenced(NARROW)):
        assert (entry.area, entry.strength) == (AREA, 0.5)
    assert NARROW[0].tokens.eq(1).all()
