"""Properties of the weight syntax and of chunking, over texts nobody would write by hand."""

from hypothesis import given
from hypothesis import strategies as st

from app.inference.text.chunks import CHUNK_LENGTH, Token, chunk_prompt
from app.inference.text.prompt_weights import weighted_segments
from app.inference.text.tokenizer import BOS, EOS, encode_words

PIECES = st.sampled_from(
    ["(", ")", r"\(", r"\)", ":", "1.3", ":0.5)", "cat", " ", "\\", "é", "\n", "river " * 9]
)
PROMPTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join))
WORDS = st.text(alphabet="abc ,", min_size=1, max_size=12)
NUMBERS = st.integers(min_value=-300, max_value=300).map(lambda hundredths: hundredths / 100)


@given(PROMPTS)
def test_every_prompt_is_read_and_no_segment_is_empty(text: str) -> None:
    assert all(segment.text for segment in weighted_segments(text))


@given(st.text(max_size=60).filter(lambda text: not set("()\\") & set(text)))
def test_text_without_parentheses_is_one_segment_of_weight_one(text: str) -> None:
    assert [(segment.text, segment.weight) for segment in weighted_segments(text)] == (
        [(text, 1.0)] if text else []
    )


@given(PROMPTS)
def test_escaped_parentheses_keep_the_text_as_it_is(text: str) -> None:
    plain = text.replace("\\", "")
    escaped = plain.replace("(", r"\(").replace(")", r"\)")

    assert "".join(segment.text for segment in weighted_segments(escaped)) == plain
    assert {segment.weight for segment in weighted_segments(escaped)} <= {1.0}


@given(st.lists(st.tuples(WORDS, NUMBERS), max_size=8))
def test_written_weights_are_read_back(parts: list[tuple[str, float]]) -> None:
    text = "".join(f"({word}:{weight})" for word, weight in parts)

    assert [(segment.text, segment.weight) for segment in weighted_segments(text)] == parts


@given(WORDS, NUMBERS, st.integers(min_value=0, max_value=30))
def test_a_written_weight_ignores_the_parentheses_around_it(word: str, weight: float, depth: int) -> None:
    text = "(" * depth + f"({word}:{weight})" + ")" * depth

    assert [(segment.text, segment.weight) for segment in weighted_segments(text)] == [(word, weight)]


@given(PROMPTS)
def test_chunks_hold_every_token_with_its_weight_in_order(text: str) -> None:
    chunks = chunk_prompt(text, pad=0)

    expected = [
        (number, segment.weight)
        for segment in weighted_segments(text)
        for number in encode_words(segment.text)
    ]
    found = [pair for chunk in chunks for pair in zip(*inner(chunk.tokens, chunk.weights), strict=True)]
    assert found == expected


@given(PROMPTS)
def test_chunks_have_the_shape_that_a_text_tower_reads(text: str) -> None:
    for chunk in chunk_prompt(text, pad=0):
        assert len(chunk.tokens) == len(chunk.weights) == CHUNK_LENGTH
        assert chunk.tokens[0] == BOS
        assert EOS in chunk.tokens


def inner(ids: tuple[Token, ...], weights: tuple[float, ...]) -> tuple[tuple[Token, ...], tuple[float, ...]]:
    """The tokens between the marks; no text of these tests has an end mark or token 0 (!) at its end."""
    last = max(place for place, number in enumerate(ids) if number == EOS)
    return ids[1:last], weights[1:last]
