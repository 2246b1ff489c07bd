"""Cuts a prompt into the rows of 77 tokens that a CLIP tower reads; used by `encode.py` and text encoders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from app.inference.text.embeddings import NO_EMBEDDINGS, Embeddings, Text, split_embeddings
from app.inference.text.prompt_weights import weighted_segments
from app.inference.text.tokenizer import BOS, EOS, encode_words

CHUNK_LENGTH = 77
MAX_WHOLE_SEGMENT = 7  # longer segments may be cut in two, shorter ones stay together

Token: TypeAlias = int | Tensor
"""A token's id, or the vector [width] of textual inversion that stands in its place."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A row for the text tower: 77 tokens and the weight of each; marks and padding weigh 1."""

    tokens: tuple[Token, ...]
    weights: tuple[float, ...]


def chunk_prompt(
    text: str, *, pad: int = EOS, embeddings: Embeddings = NO_EMBEDDINGS, key: str = "clip_l"
) -> list[Chunk]:
    """At least one chunk: begin mark, up to 75 tokens, end mark, padding with `pad`.

    `embedding:name` stands for the vectors that `embeddings` has under that name for the tower `key`.
    """
    rows = [_Row()]
    for tokens, weight in _segments(text, embeddings, key):
        can_split = len(tokens) > MAX_WHOLE_SEGMENT
        while tokens:
            room = rows[-1].room
            if len(tokens) > room and not can_split:
                rows.append(_Row())
                room = rows[-1].room
            rows[-1].add(tokens[:room], weight)
            tokens = tokens[room:]
            if tokens:
                rows.append(_Row())
    return [row.closed(pad) for row in rows]


def empty_chunk(*, pad: int = EOS) -> Chunk:
    """The chunk of an empty prompt, from which weights are measured."""
    return _Row().closed(pad)


def _segments(text: str, embeddings: Embeddings, key: str) -> Iterator[tuple[Sequence[Token], float]]:
    """Groups of tokens that belong together, with their weight."""
    for segment in weighted_segments(text):
        for piece in split_embeddings(segment.text, embeddings):
            if isinstance(piece, Text):
                yield encode_words(piece.text), segment.weight
            else:
                yield list(piece.rows(key)), segment.weight


class _Row:
    """A chunk that is being filled."""

    def __init__(self) -> None:
        self._tokens: list[Token] = [BOS]
        self._weights = [1.0]

    @property
    def room(self) -> int:
        """Tokens that still fit before the end mark."""
        return CHUNK_LENGTH - 1 - len(self._tokens)

    def add(self, tokens: Sequence[Token], weight: float) -> None:
        """Append tokens, at most `room`."""
        self._tokens += tokens
        self._weights += [weight] * len(tokens)

    def closed(self, pad: int) -> Chunk:
        """End mark and padding."""
        padding = self.room
        tokens = [*self._tokens, EOS, *[pad] * padding]
        return Chunk(tuple(tokens), (*self._weights, *[1.0] * (1 + padding)))
