"""How chunks, weights and layers meet in the conditioning; a tower with readable states stands in."""

from collections.abc import Mapping

import torch
from torch import Tensor

from app.inference.text.chunks import Chunk, chunk_prompt
from app.inference.text.encode import TowerStates, encode_chunks


class PlainTower:
    """States are [position, token id, layer]; pooled is the second token's id, projected twice that."""

    width = 3

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(
        self, token_ids: Tensor, vectors: Mapping[tuple[int, int], Tensor], *, layer: int, normed: bool
    ) -> TowerStates:
        self.rows.append(len(token_ids))
        positions = torch.arange(token_ids.shape[1]).expand_as(token_ids)
        states = torch.stack([positions, token_ids, torch.full_like(token_ids, layer)], dim=-1).float()
        for (row, place), vector in vectors.items():
            states[row, place] = vector
        pooled = token_ids[:, 1:2].float()
        return TowerStates(tokens=states, pooled=pooled, projected=2 * pooled)


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
    assert entry.pooled.tolist() == [[320.0]]
    assert entry.projected.tolist() == [[640.0]]


def test_weight_zero_is_the_empty_prompt() -> None:
    entry = encode_chunks(PlainTower(), chunk_prompt("(cat:0)"))

    assert entry.tokens[0, 1, 1] == 49407


def test_clip_skip_reaches_the_tower() -> None:
    entry = encode_chunks(PlainTower(), chunk_prompt("cat"), layer=-2)

    assert entry.tokens[0, 0, 2] == -2


def test_the_empty_row_is_padded_like_the_prompt() -> None:
    chunk = Chunk(tokens=(49406, 5, 6, 49407, *[0] * 73), weights=(1.0, 1.0, 2.0, *[1.0] * 74))

    entry = encode_chunks(PlainTower(), [chunk], pad=0)

    assert entry.tokens[0, 2, 1] == 12  # 0 + (6 - 0) * 2


def test_vectors_stand_at_their_places() -> None:
    vector = torch.tensor([7.0, 8.0, 9.0])
    chunk = Chunk(tokens=(49406, vector, 5, 49407, *[0] * 73), weights=(1.0,) * 77)

    entry = encode_chunks(PlainTower(), [chunk], pad=0)

    assert entry.tokens[0, 1].tolist() == [7.0, 8.0, 9.0]
    assert entry.tokens[0, 2, 1] == 5


def test_vectors_of_another_width_are_left_out_and_what_follows_moves_up() -> None:
    chunk = Chunk(tokens=(49406, torch.zeros(4), 5, 49407, *[0] * 73), weights=(1.0, 2.0, 1.0, *[1.0] * 74))

    entry = encode_chunks(PlainTower(), [chunk], pad=0)

    assert entry.tokens.shape[1] == 77
    assert entry.tokens[0, 1, 1] == (5 - 49407) * 2 + 49407  # the weight keeps its place
    assert entry.tokens[0, 2, 1] == 49407
