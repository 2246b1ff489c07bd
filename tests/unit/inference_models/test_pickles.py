"""Pickled models: refused with both ways out, converted without running their code."""

import json
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import device as Device

from app.cli import main
from app.commands.convert_file import CannotConvert, convert_file
from app.inference.memory.model_store import ModelStore
from app.inference.models import errors
from app.inference.models.checkpoint import load_checkpoint
from app.inference.models.files.pickles import Pickles
from tests.checkpoints import Tiny, tiny_weights

CPU = Device("cpu")
SMALL = Tiny(text_layers=1, vae_mult=(1, 1))


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_state_dict_is_taken_and_all_else_dropped(tmp_path: Path) -> None:
    weights = {"a": torch.arange(4.0), "b": torch.ones(2, 2, dtype=torch.float16)}
    weights["tied"] = weights["a"]
    torch.save({"state_dict": weights, "epoch": 7, "optimizer": {"x": torch.ones(3)}}, tmp_path / "m.ckpt")

    made = convert_file(tmp_path / "m.ckpt")

    assert made == tmp_path / "m.safetensors"
    converted = load_file(made)
    assert converted.keys() == weights.keys()
    assert all(torch.equal(converted[name], tensor) for name, tensor in weights.items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.ckpt", "m.safetensors"]


def test_nested_tensors_get_dotted_names_and_plain_values_are_kept(tmp_path: Path) -> None:
    torch.save({320: [{"w": torch.ones(1)}, {"w": torch.zeros(1)}], "kind": "relu"}, tmp_path / "h.pt")

    with safe_open(convert_file(tmp_path / "h.pt"), "pt") as file:
        assert set(file.keys()) == {"320.0.w", "320.1.w"}
        assert json.loads(file.metadata()["kind"]) == "relu"


def test_notes_of_trainers_are_left_out_without_their_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older Lightning notes callbacks by their classes, and losses as numbers of numpy."""
    packages = ("pytorch_lightning", "pytorch_lightning.callbacks")
    library = ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    for name in (*packages, library.__name__):
        monkeypatch.setitem(sys.modules, name, library)
    noted = type("ModelCheckpoint", (), {"__module__": library.__name__})
    monkeypatch.setattr(library, "ModelCheckpoint", noted, raising=False)
    callback: Any = noted()
    callback.best = "best.ckpt"
    notes = {"callbacks": {noted: {"best": np.float64(0.25)}}, "callback": callback, "type": np.dtype("f4")}
    torch.save({"state_dict": {"a": torch.arange(3.0)}, **notes}, tmp_path / "trained.ckpt")
    for name in (*packages, library.__name__):
        monkeypatch.delitem(sys.modules, name)

    converted = load_file(convert_file(tmp_path / "trained.ckpt"))

    assert list(converted) == ["a"]
    assert converted["a"].equal(torch.arange(3.0))


def test_code_in_a_pickle_never_runs(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    torch.save({"state_dict": {"a": torch.ones(1)}, "callback": Trap(opened)}, tmp_path / "new.pt")
    (tmp_path / "old.ckpt").write_bytes(pickle.dumps(Trap(opened)))

    for name in ("new.pt", "old.ckpt"):
        with pytest.raises(CannotConvert, match=name):
            convert_file(tmp_path / name)
        with pytest.raises(errors.PickleUnreadable, match=name):
            Pickles(copies=tmp_path / "copies").readable(tmp_path / name)
    assert not opened.exists()
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("content", [b"", b"\x80", b"PK\x03\x04 and then nothing", b"text"])
def test_damaged_files_are_called_so(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.ckpt"
    path.write_bytes(content)

    assert main(["convert", str(path)]) == 2

    assert "m.ckpt cannot be converted: it" in capsys.readouterr().err


def test_nothing_is_overwritten_and_missing_files_are_named(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "m.pt")
    (tmp_path / "m.safetensors").write_bytes(b"precious")

    with pytest.raises(CannotConvert, match="is there already"):
        convert_file(tmp_path / "m.pt")
    with pytest.raises(CannotConvert, match="There is no file"):
        convert_file(tmp_path / "gone.pt")
    assert (tmp_path / "m.safetensors").read_bytes() == b"precious"


def test_store_reads_pickles_only_where_they_are_allowed(tmp_path: Path) -> None:
    path = tmp_path / "tiny.ckpt"
    torch.save({"state_dict": tiny_weights(SMALL)}, path)

    with pytest.raises(errors.PickleRefused, match=r"comfy-creator convert .*tiny\.ckpt.*--allow-pickle"):
        ModelStore(CPU, 10**9).get("checkpoint", path, load_checkpoint)
    allowed = ModelStore(CPU, 10**9, pickles=Pickles(copies=tmp_path / "copies"))
    loaded = allowed.get("checkpoint", path, load_checkpoint)

    assert loaded.diffusion_model.channels == 4
    assert allowed.get("checkpoint", path, load_checkpoint) is loaded
    (copy,) = (tmp_path / "copies").iterdir()
    changed = copy.stat().st_mtime_ns
    ModelStore(CPU, 10**9, pickles=Pickles(copies=tmp_path / "copies")).get("other", path, load_checkpoint)
    assert copy.stat().st_mtime_ns == changed


@pytest.mark.parametrize("length", [0x80, 0x44B50])
def test_safetensors_may_begin_with_the_bytes_of_a_pickle(tmp_path: Path, length: int) -> None:
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    path = tmp_path / "a.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + header.ljust(length) + bytes(4))

    assert Pickles().readable(path) == path
