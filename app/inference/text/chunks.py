"""Cuts a prompt into the rows of 77 tokens that a CLIP tower reads; used by `encode.py`."""

from dataclasses import dataclass

from app.inference.text.prompt_weights import weighted_segments
from app.inference.text.tokenizer import BOS, EOS, encode_words

CHUNK_LENGTH = 77
MAX_WHOLE_SEGMENT = 7  # longer segments may be cut in two, shorter ones stay together


@dataclass(frozen=True, slots=True)
class Chunk:
    """A row for the text tower: 77 token ids and the weight of each; marks and padding weigh 1."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def chunk_prompt(text: str, *, pad: int = EOS) -> list[Chunk]:
    """At least one chunk: begin mark, up to 75 tokens, end mark, padding with `pad`."""
    rows = [_Row()]
    for segment in weighted_segments(text):
        ids = encode_words(segment.text)
        can_split = len(ids) > MAX_WHOLE_SEGMENT
        while ids:
            room = rows[-1].room
            if len(ids) > room and not can_split:
                rows.append(_Row())
                room = rows[-1].room
            rows[-1].add(ids[:room], segment.weight)
            ids = ids[room:]
            if ids:
                rows.append(_Row())
    return [row.closed(pad) for row in rows]


def empty_chunk(*, pad: int = EOS) -> Chunk:
    """The chunk of an empty prompt, from which weights are measured."""
    return _Row().closed(pad)


class _Row:
    """A chunk that is being filled."""

    def __init__(self) -> None:
        self._ids = [BOS]
        self._weights = [1.0]

    @property
    def room(self) -> int:
        """Tokens that still fit before the end mark."""
        return CHUNK_LENGTH - 1 - len(self._ids)

    def add(self, ids: list[int], weight: float) -> None:
        """Append tokens, at most `room`."""
        self._ids += ids
        self._weights += [weight] * len(ids)

    def closed(self, pad: int) -> Chunk:
        """End mark and padding."""
        padding = self.room
        ids = [*self._ids, EOS, *[pad] * padding]
        return Chunk(tuple(ids), (*self._weights, *[1.0] * (1 + padding)))
