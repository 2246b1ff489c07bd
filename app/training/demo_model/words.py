"""Turns captions into token ids of the compact word table that is trained; training and export use it."""

from functools import cache

import torch
from torch import Tensor

from app.inference.text.tokenizer import BOS, EOS, encode_words
from app.training.demo_model.captions import COLOURS, PLACES, SHAPES, SIZES

POSITIONS = 77
_GRAMMAR = ("a", "an", "on", "at", "in", "the", "background", ",")


@cache
def used_tokens() -> tuple[int, ...]:
    """CLIP's ids of every token that captions use; a token's place in here is its compact id."""
    words = (*_GRAMMAR, *COLOURS, *SHAPES, *SIZES, *(word for place in PLACES for word in place.split()))
    found = {token: None for word in words for token in encode_words(word)}
    return (BOS, EOS, *found)


@cache
def compact_ids(caption: str) -> tuple[int, ...]:
    """Compact ids of a caption: begin mark, words, end marks up to 77. KeyError for an unknown word."""
    places = {token: place for place, token in enumerate(used_tokens())}
    ids = [places[token] for token in (BOS, *encode_words(caption))]
    return tuple(ids + [places[EOS]] * (POSITIONS - len(ids)))


def compact_batch(captions: list[str]) -> Tensor:
    """int64 [N, 77]."""
    return torch.tensor([compact_ids(caption) for caption in captions])
