"""Textual inversion: `embedding:name` in a prompt stands for vectors from a file; `chunks.py` asks.

Gal et al. 2022, "An image is worth one word". Files: `embedding_files.py`.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

logger = logging.getLogger(__name__)

_MARK = re.compile(r"(?:\A|[ \n])embedding:")
_WORD = re.compile(r"\s*(\S*)")


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of a prompt that is words."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """Vectors [n, width] by the tower they were made for; under "" those that name no tower."""

    vectors: Mapping[str, Tensor]

    def rows(self, key: str) -> Tensor:
        """Vectors float32 [n, width] for a tower: its own, else those without name, else the first."""
        found = self.vectors.get(key, self.vectors.get(""))
        vectors = next(iter(self.vectors.values())) if found is None else found
        return vectors.float().reshape(-1, vectors.shape[-1])


class Embeddings(Protocol):
    """Where embeddings are looked up."""

    def find(self, name: str) -> Embedding | None:
        """The embedding of that name, None when there is none; may raise a ModelFileError."""
        ...


class _NoEmbeddings:
    def find(self, name: str) -> Embedding | None:
        return None


NO_EMBEDDINGS: Embeddings = _NoEmbeddings()


def split_embeddings(text: str, embeddings: Embeddings) -> Iterator[Text | Embedding]:
    """The pieces of a text of one weight in reading order.

    A name begins after `embedding:` at the start of the text or after a space or line break, and ends at the
    next space. Commas around it are cut off when it is not found with them. Unknown names are left out with a
    warning.
    """
    first, *rest = _MARK.split(text)
    if first:
        yield Text(first)
    for piece in rest:
        word = _WORD.match(piece)
        name = word[1] if word else ""
        after = piece[word.end() :] if word else ""
        found, commas = _look_up(name, embeddings)
        if found is not None:
            yield found
        else:
            logger.warning("There is no embedding %r; the word is left out.", name)
        if commas + after:
            yield Text(commas + after)


def _look_up(name: str, embeddings: Embeddings) -> tuple[Embedding | None, str]:
    """The embedding, and the commas that were cut off its name."""
    found = embeddings.find(name) if name else None
    bare = name.strip(",")
    if found is not None or bare == name:
        return found, ""
    return (embeddings.find(bare) if bare else None), "," * (len(name) - len(bare))
