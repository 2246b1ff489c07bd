"""How chunks, weights and layers meet in the conditioning; a tower with readable states stands in."""

import torch
from torch import Tensor

from app.inference.text.chunks import Chunk, chunk_prompt
from app.inference.text.encode import encode_chunks


class PlainTower:
    """States are [position, token id, layer]; the pooled vector is the second token's id."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, token_ids: Tensor, layer: int | None) -> tuple[Tensor, Tensor]:
        self.rows.append(len(token_ids))
        positions = torch.arange(token_ids.shape[1]).expand_as(token_ids)
        layers = torch.full_like(token_ids, 0 if layer is None else layer)
        return torch.stack([positions, token_ids, layers], dim=-1).float(), token_ids[:, 1:2].float()


def test_chunks_are_joined_along_the_tokens() -> None:
    tower = PlainTower()

    entry = encode_chunks(tower, chunk_prompt("river " * 80))

    assert entry.tokens.shape == (1, 154, 3)
    assert tower.rows == [2]
    assert torch.equal(entry.tokens[0, :, 0], torch.cat([torch.arange(77.0), torch.arange(77.0)]))


def test_a_weight_moves_a_state_away_from_the_empty_prompt() -> None:
    tower = PlainTower()

    entry = encode_chunks(tower, chunk_prompt("a (cat:1.5)"))

    assert tower.rows == [2]  # the prompt and the empty one in one call
    empty, cat = 49407, 2368  # at place 2 the empty prompt has padding
    assert entry.tokens[0, 2, 1] == (cat - empty) * 1.5 + empty
    assert entry.tokens[0, 1, 1] == 320  # weight 1 stays as it is, to the bit
    assert entry.pooled is not None
    assert entry.pooled.tolist() == [[320.0]]


def test_weight_zero_is_the_empty_prompt() -> None:
    entry = encode_chunks(PlainTower(), chunk_prompt("(cat:0)"))

    assert entry.tokens[0, 1, 1] == 49407


def test_clip_skip_reaches_the_tower() -> None:
    entry = encode_chunks(PlainTower(), chunk_prompt("cat"), layer=-2)

    assert entry.tokens[0, 0, 2] == -2


def test_the_empty_row_is_padded_like_the_prompt() -> None:
    chunk = Chunk(ids=(49406, 5, 6, 49407, *[0] * 73), weights=(1.0, 1.0, 2.0, *[1.0] * 74))

    entry = encode_chunks(PlainTower(), [chunk], pad=0)

    assert entry.tokens[0, 2, 1] == 12  # 0 + (6 - 0) * 2
