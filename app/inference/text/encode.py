"""Prompt to conditioning through a text tower; called by the text nodes."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from app.inference.conditioning import CondEntry
from app.inference.text.chunks import Chunk, empty_chunk
from app.inference.text.tokenizer import EOS
from app.inference.types import Pooled, Tokens


class TextTransformer(Protocol):
    """A text tower."""

    def __call__(self, token_ids: Tensor, layer: int | None) -> tuple[Tokens, Pooled]:
        """States and pooled vector of rows of tokens.

        `token_ids` int64 [B, 77]; `layer` counts from the end (-1 is the last), None is the tower's own
        choice. Returns float32 [B, 77, width] and [B, width]; the pooled vector does not depend on `layer`.
        """
        ...


@torch.no_grad()
def encode_chunks(
    transformer: TextTransformer, chunks: Sequence[Chunk], *, layer: int | None = None, pad: int = EOS
) -> CondEntry:
    """Encode each chunk on its own and join them along the tokens: [1, 77 * chunks, width], on the CPU.

    A weight w moves a state away from that of an empty prompt: z = e + (z - e) * w. The pooled vector is that
    of the first chunk and knows no weights.
    """
    weighted = any(weight != 1 for chunk in chunks for weight in chunk.weights)
    rows = [*chunks, empty_chunk(pad=pad)] if weighted else list(chunks)
    states, pooled = transformer(torch.tensor([row.ids for row in rows]), layer)
    states = states.float()
    if weighted:
        states = _weigh(states[:-1], states[-1], [chunk.weights for chunk in chunks])
    return CondEntry(tokens=states.flatten(0, 1).unsqueeze(0).cpu(), pooled=pooled[:1].float().cpu())


def _weigh(states: Tokens, empty: Tensor, weights: list[tuple[float, ...]]) -> Tokens:
    factors = torch.tensor(weights, device=states.device).unsqueeze(-1)
    return torch.where(factors == 1, states, (states - empty) * factors + empty)
