"""Prompts against recorded token ids, weights and chunks."""

import re
import zlib
from typing import Any, ClassVar

import pytest
import torch

from app.inference.text.chunks import chunk_prompt
from app.inference.text.embeddings import Embedding
from app.inference.text.prompt_weights import Segment, weighted_segments
from app.inference.text.tokenizer import BOS, EOS, encode_words
from tests.unit.inference.golden import golden

TOKENS = golden("tokens")
PROMPTS = [prompt for prompt in TOKENS if not prompt.startswith("_")]
ENCODERS = {"clip_l": EOS, "clip_g": 0, "clip_g_cascade": EOS, "clip_h_sd2": 0}  # padding of each


def unfolded(chunk: dict[str, Any]) -> tuple[list[int], list[float]]:
    """The recording leaves trailing padding out."""
    missing = chunk["n"] - len(chunk["ids"])
    weights = [1.0] * len(chunk["ids"]) if chunk["weights"] == "all 1" else chunk["weights"]
    return chunk["ids"] + [chunk["pad"]] * missing, weights + [1.0] * (chunk["n"] - len(weights))


def recordings(prompt: str, encoder: str) -> list[list[dict[str, Any]]]:
    """Ideographs are split by one tokenizer package and kept together by another: either is right."""
    recorded: list[list[dict[str, Any]]] = [TOKENS[prompt][encoder]]
    if f"{encoder}_alt" in TOKENS[prompt]:
        recorded.append(TOKENS[prompt][f"{encoder}_alt"])
    elif "clip_l_alt" in TOKENS[prompt]:
        pad = ENCODERS[encoder]
        recorded.append([{**chunk, "pad": pad} for chunk in TOKENS[prompt]["clip_l_alt"]])
    return recorded


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: ascii(prompt[:40]))
def test_prompt_becomes_the_recorded_chunks(prompt: str, encoder: str) -> None:
    chunks = chunk_prompt(prompt, pad=ENCODERS[encoder])

    accepted = [[unfolded(chunk) for chunk in chunks] for chunks in recordings(prompt, encoder)]
    assert [list(chunk.tokens) for chunk in chunks] in [[ids for ids, _ in chunks] for chunks in accepted]
    weights = [weight for chunk in chunks for weight in chunk.weights]
    assert weights == pytest.approx([weight for _, row in accepted[0] for weight in row][: len(weights)])


WIDTHS = {"clip_l": 768, "clip_g": 1280}


def marked(name: str, rows: int, width: int, tower: str = "") -> torch.Tensor:
    """An embedding whose vectors can be told apart."""
    code = zlib.crc32(f"{name}{tower}".encode()) % 1000
    return torch.arange(rows).unsqueeze(1).expand(rows, width) + 1000.0 * code


class RecordedEmbeddings:
    """The embedding files that the record describes."""

    files: ClassVar = {
        "one": {"clip_l": marked("one", 1, 768, "clip_l"), "clip_g": marked("one", 1, 1280, "clip_g")},
        "three": {"": marked("three", 3, 768)},
        "sub/nine": {"": marked("nine", 9, 768)},
        "flat": {"": marked("flat", 1, 768)[0]},
    }

    def find(self, name: str) -> Embedding | None:
        return Embedding(self.files[name]) if name in self.files else None


def recorded_token(token: Any) -> Any:
    """`one[0] (clip_l)` as the number that stands in the embedding."""
    if isinstance(token, int):
        return token
    found = re.fullmatch(r"(\w+)\[(\d+)\](?: \((\w+)\))?", token["embedding"])
    assert found is not None
    name, number, tower = found.groups("")
    return marked(name, int(number) + 1, 1, tower)[-1, 0].item(), token["width"]


@pytest.mark.parametrize("encoder", WIDTHS)
@pytest.mark.parametrize("prompt", TOKENS["_embeddings"], ids=lambda prompt: ascii(prompt[-40:]))
def test_embeddings_become_the_recorded_chunks(prompt: str, encoder: str) -> None:
    chunks = chunk_prompt(prompt, pad=ENCODERS[encoder], embeddings=RecordedEmbeddings(), key=encoder)

    expected = [unfolded(chunk) for chunk in TOKENS["_embeddings"][prompt][encoder]]
    assert len(chunks) == len(expected)
    for chunk, (tokens, weights) in zip(chunks, expected, strict=True):
        shown = [each if isinstance(each, int) else (each[0].item(), len(each)) for each in chunk.tokens]
        assert shown == [recorded_token(each) for each in tokens]
        assert chunk.weights == pytest.approx(weights)


@pytest.mark.parametrize("text", ["cat embedding:", "cat embedding: dog", "cat embedding:\n"])
def test_embedding_without_a_known_name_is_left_out(text: str) -> None:
    (chunk,) = chunk_prompt(text, embeddings=RecordedEmbeddings())

    assert list(chunk.tokens[1:3]) == [2368, EOS]


def test_a_space_may_stand_before_the_name() -> None:
    (chunk,) = chunk_prompt("cat embedding: flat dog", embeddings=RecordedEmbeddings())

    assert [token for token in chunk.tokens[:5] if isinstance(token, int)] == [BOS, 2368, 1929, EOS]


def test_commas_around_an_unknown_name_stay() -> None:
    (chunk,) = chunk_prompt("embedding:,flat,", embeddings=RecordedEmbeddings())

    assert isinstance(chunk.tokens[1], torch.Tensor)
    assert list(chunk.tokens[2:4]) == [*encode_words(",,"), EOS]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("(a:1.3)", [("a", 1.3)]),
        ("((a:1.3) b)", [("a", 1.3), (" b", 1.1)]),
        ("((a) b:1.3)", [("a", 1.43), (" b", 1.3)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("(a:1.2:1.4)", [("a:1.2", 1.4)]),
        (r"\(a:1.3\)", [("(a:1.3)", 1.0)]),
        (r"(a\):1.5)", [("a)", 1.5)]),
        ("(a (b:1.2) c", [("(a (b:1.2) c", 1.0)]),
        ("a) (b:1.2)", [("a) ", 1.0), ("b", 1.2)]),
        ("(a:nan)", [("a:nan", 1.1)]),
        ("()", []),
        ("", []),
    ],
)
def test_weight_syntax(text: str, segments: list[tuple[str, float]]) -> None:
    found = weighted_segments(text)

    assert [segment.text for segment in found] == [text for text, _ in segments]
    assert [segment.weight for segment in found] == pytest.approx([weight for _, weight in segments])


def test_ten_thousand_nested_parentheses_are_read() -> None:
    depth = 10_000

    assert weighted_segments("(" * depth + "cat:0.5" + ")" * depth) == [Segment("cat", 0.5)]


def test_a_segment_of_seven_moves_whole_and_one_of_eight_is_cut() -> None:
    filler = "river " * 72  # leaves room for three tokens
    seven, eight = "(cat cat cat cat cat cat cat:1.5)", "(cat cat cat cat cat cat cat cat:1.5)"

    first_of_seven = chunk_prompt(filler + seven)[0]
    first_of_eight = chunk_prompt(filler + eight)[0]

    assert first_of_seven.weights.count(1.5) == 0
    assert first_of_eight.weights.count(1.5) == 3


def test_a_segment_that_fills_the_chunk_to_the_brim_stays_in_it() -> None:
    chunks = chunk_prompt("river " * 75)

    assert len(chunks) == 1
    assert chunks[0].tokens[0] == BOS
    assert chunks[0].tokens[-1] == EOS


def test_an_end_mark_in_the_text_is_the_mark() -> None:
    assert encode_words("cat<|endoftext|>")[-1] == EOS
