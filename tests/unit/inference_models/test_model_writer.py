"""Files of tensors written one by one, read back by the format's own library."""

import io
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load, load_file

from app.inference.interrupts import Interrupted
from app.inference.models.files.model_writer import TensorToWrite, ready, write_model_file

DTYPES = (
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float64,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.int64,
    torch.uint8,
    torch.bool,
)
SHAPES = st.lists(st.integers(0, 5), max_size=4)


@given(
    st.dictionaries(st.text(min_size=1, max_size=9), st.tuples(SHAPES, st.sampled_from(DTYPES)), max_size=6)
)
def test_every_tensor_is_read_back_bit_for_bit(
    described: dict[str, tuple[list[int], torch.dtype]],
) -> None:
    described.pop("__metadata__", None)
    tensors = {
        name: (torch.arange(torch.Size(shape).numel()).reshape(shape) * 3 % 7).to(dtype)
        for name, (shape, dtype) in described.items()
    }
    file = io.BytesIO()

    write_model_file(file, {name: ready(tensor) for name, tensor in tensors.items()}, {})

    again = load(file.getvalue())
    assert again.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (again[name].dtype, again[name].shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(again[name].float(), tensor.float())


def test_tensors_are_made_one_after_the_other(tmp_path: Path) -> None:
    made: list[str] = []

    def entry(name: str) -> TensorToWrite:
        def make() -> torch.Tensor:
            made.append(name)
            return torch.full((2, 3), float(len(made)))

        return TensorToWrite(shape=(2, 3), dtype=torch.float32, make=make)

    with (tmp_path / "a.safetensors").open("wb") as file:
        write_model_file(file, {name: entry(name) for name in ("b", "a")}, {"title": "ä"})

    assert made == ["b", "a"]
    assert load_file(tmp_path / "a.safetensors")["a"].unique().item() == 2
    with safe_open(tmp_path / "a.safetensors", framework="pt") as reader:
        assert reader.metadata() == {"title": "ä"}


def test_views_are_written_as_they_look() -> None:
    table = torch.arange(12.0).reshape(3, 4)
    file = io.BytesIO()

    write_model_file(file, {"turned": ready(table.T), "part": ready(table[:, 1:3])}, {})

    again = load(file.getvalue())
    assert torch.equal(again["turned"], table.T)
    assert torch.equal(again["part"], table[:, 1:3])


def test_writing_stops_between_tensors() -> None:
    answers = iter([False, True])
    tensors = {name: ready(torch.ones(4)) for name in "abc"}

    with pytest.raises(Interrupted):
        write_model_file(io.BytesIO(), tensors, {}, interrupted=lambda: next(answers))


def test_a_tensor_that_is_not_what_was_announced_is_an_error() -> None:
    wrong = TensorToWrite(shape=(2,), dtype=torch.float16, make=lambda: torch.ones(2))

    with pytest.raises(AssertionError, match="a became"):
        write_model_file(io.BytesIO(), {"a": wrong}, {})
