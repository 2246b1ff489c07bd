"""Joins, averages and silences encoded texts; conditioning nodes call it."""

from dataclasses import replace

import torch
from torch.nn.functional import pad

from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.errors import WrongInput
from app.inference.types import Tokens


class NoText(WrongInput):
    """A conditioning without any entry was given where a text is needed."""

    code = "no_text"


class TextsDoNotFit(WrongInput):
    """Two texts come from encoders whose states have different widths."""

    code = "texts_do_not_fit"


def joined(to: Conditioning, source: Conditioning) -> Conditioning:
    """Every text of `to` with the first text of `source` behind it, along the tokens.

    Raises NoText for an empty `source`, TextsDoNotFit for states of other widths.
    """
    behind = _first(source).tokens
    return tuple(replace(entry, tokens=_appended(entry.tokens, behind)) for entry in to)


def averaged(to: Conditioning, source: Conditioning, share: float) -> Conditioning:
    """Every text of `to` times `share` (0..1) plus the first text of `source` times 1 - `share`.

    The source is cut or filled with zeros to the length of each. A pooled vector that only the source has
    counts for both; one that only `to` has stays as it is. Raises NoText and TextsDoNotFit.
    """
    other = _first(source)
    return tuple(_average(entry, other, share) for entry in to)


def silenced(conditioning: Conditioning) -> Conditioning:
    """The same entries with zeros in place of their texts' states and pooled vectors."""
    return tuple(
        replace(
            entry,
            tokens=torch.zeros_like(entry.tokens),
            pooled=None if entry.pooled is None else torch.zeros_like(entry.pooled),
        )
        for entry in conditioning
    )


def _average(entry: CondEntry, other: CondEntry, share: float) -> CondEntry:
    _check_widths(entry.tokens, other.tokens)
    length = entry.tokens.shape[1]
    tokens = other.tokens[:, :length]
    tokens = pad(tokens, (0, 0, 0, length - tokens.shape[1]))
    pooled = entry.pooled
    if other.pooled is not None:
        own = other.pooled if pooled is None else pooled
        pooled = own * share + other.pooled * (1 - share)
    return replace(entry, tokens=entry.tokens * share + tokens * (1 - share), pooled=pooled)


def _appended(tokens: Tokens, behind: Tokens) -> Tokens:
    _check_widths(tokens, behind)
    return torch.cat([tokens, behind.expand(len(tokens), -1, -1)], dim=1)


def _first(conditioning: Conditioning) -> CondEntry:
    if not conditioning:
        raise NoText("The conditioning to take from is empty: connect an encoded text.")
    return conditioning[0]


def _check_widths(tokens: Tokens, other: Tokens) -> None:
    if tokens.shape[2] != other.shape[2]:
        raise TextsDoNotFit(
            f"The texts have states of different widths ({tokens.shape[2]} and {other.shape[2]}): "
            "encode both with the same text encoder."
        )
