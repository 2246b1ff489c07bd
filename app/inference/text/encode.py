"""Chunks of a prompt to states through a text tower; called by text encoders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from app.inference.text.chunks import Chunk, Token, empty_chunk
from app.inference.text.tokenizer import EOS
from app.inference.types import Pooled, Tokens

VECTOR = -1  # id at the place of a vector


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TowerStates:
    """What a tower gives: states [B, T, width], the pooled vector [B, width] and its projection."""

    tokens: Tokens
    pooled: Pooled
    projected: Pooled


class TextTransformer(Protocol):
    """A text tower."""

    @property
    def width(self) -> int:
        """Channels of a state."""
        ...

    def __call__(
        self,
        token_ids: Tensor,
        vectors: Mapping[tuple[int, int], Tensor],
        *,
        layer: int,
        normed: bool,
    ) -> TowerStates:
        """States of rows of tokens, float32.

        `token_ids` int64 [B, 77]; `vectors` [width] stand at (row, place) where ids are -1. `layer` counts
        from the end, -1 is the last. `normed`: the final normalisation applies to an inner layer's states.
        Counting beyond the first layer means the last one, normalised. Pooled is always the last layer's
        normalised state at the first end mark. A tower without projection gives the pooled vector twice.
        """
        ...


@torch.no_grad()
def encode_chunks(
    transformer: TextTransformer,
    chunks: Sequence[Chunk],
    *,
    layer: int = -1,
    normed: bool = True,
    pad: int = EOS,
) -> TowerStates:
    """Encode each chunk on its own and join them along the tokens: [1, 77 * chunks, width], on the CPU.

    A weight w moves a state away from that of an empty prompt: z = e + (z - e) * w. The pooled vector is that
    of the first chunk and knows no weights.
    """
    weighted = any(weight != 1 for chunk in chunks for weight in chunk.weights)
    rows = [*chunks, empty_chunk(pad=pad)] if weighted else list(chunks)
    ids, vectors = _rows([_fitting(row.tokens, transformer.width, pad) for row in rows])
    given = transformer(ids, vectors, layer=layer, normed=normed)
    states = given.tokens.float()
    if weighted:
        states = _weigh(states[:-1], states[-1], [chunk.weights for chunk in chunks])
    return TowerStates(
        tokens=states.flatten(0, 1).unsqueeze(0).cpu(),
        pooled=given.pooled[:1].float().cpu(),
        projected=given.projected[:1].float().cpu(),
    )


def _fitting(tokens: Sequence[Token], width: int, pad: int) -> list[Token]:
    """Without vectors of another width: what follows moves up, padding at the end takes their number."""
    fitting = [token for token in tokens if isinstance(token, int) or token.shape[-1] == width]
    return fitting + [pad] * (len(tokens) - len(fitting))


def _rows(rows: Sequence[Sequence[Token]]) -> tuple[Tensor, dict[tuple[int, int], Tensor]]:
    """Ids int64 [B, T], -1 for vectors, and the vectors by row and place."""
    ids = torch.tensor([[token if isinstance(token, int) else VECTOR for token in row] for row in rows])
    vectors = {
        (number, place): token
        for number, row in enumerate(rows)
        for place, token in enumerate(row)
        if not isinstance(token, int)
    }
    return ids, vectors


def _weigh(states: Tokens, empty: Tensor, weights: list[tuple[float, ...]]) -> Tokens:
    factors = torch.tensor(weights, device=states.device).unsqueeze(-1)
    return torch.where(factors == 1, states, (states - empty) * factors + empty)
