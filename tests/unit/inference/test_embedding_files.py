"""Textual inversion files of every layout are found by name, and only inside their folder."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.files.folders import data_folders
from app.inference.models.errors import PickleRefused
from app.inference.models.files.pickles import REFUSED, Pickles
from app.inference.text.embedding_files import FolderEmbeddings

ONES, TWOS = torch.ones(2, 768), torch.full((3, 1280), 2.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folders = data_folders(tmp_path)
    folders.prepare()
    return tmp_path / "models/embeddings"


def embeddings(folder: Path, pickles: Pickles = REFUSED) -> FolderEmbeddings:
    return FolderEmbeddings(folders=data_folders(folder.parents[1]).models, readable=pickles.readable)


@pytest.mark.parametrize(
    "tensors",
    [
        {"emb_params": ONES},
        {"string_to_param.*": ONES},
        {"<a word>": ONES},
        {"clip_l": ONES, "clip_g": TWOS},
        {"bundle_emb.cat.string_to_param.*": ONES},
        {"bundle_emb.cat.clip_l": ONES, "bundle_emb.cat.clip_g": TWOS},
    ],
    ids=lambda tensors: next(iter(tensors)),
)
def test_every_layout_gives_the_vectors_of_its_tower(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, folder / "cat.safetensors")

    found = embeddings(folder).find("cat")

    assert found is not None
    assert torch.equal(found.rows("clip_l"), ONES)
    assert torch.equal(found.rows("clip_g"), TWOS if len(tensors) == 2 else ONES)


def test_one_dimension_is_one_vector(folder: Path) -> None:
    save_file({"emb_params": torch.ones(768)}, folder / "cat.safetensors")

    found = embeddings(folder).find("cat.safetensors")

    assert found is not None
    assert found.rows("clip_l").shape == (1, 768)


def test_all_embeddings_of_a_bundle_count(folder: Path) -> None:
    save_file(
        {"bundle_emb.a.string_to_param.*": ONES, "bundle_emb.b.string_to_param.*": ONES * 3},
        folder / "cat.safetensors",
    )

    found = embeddings(folder).find("cat")

    assert found is not None
    assert found.rows("clip_l")[:, 0].tolist() == [1, 1, 3, 3]


def test_names_lead_into_sub_folders_but_not_out(folder: Path) -> None:
    (folder / "animals").mkdir()
    save_file({"emb_params": ONES}, folder / "animals/cat.safetensors")
    save_file({"emb_params": ONES}, folder.parent / "outside.safetensors")

    found = embeddings(folder)

    assert found.find("animals/cat") is not None
    assert found.find("animals\\cat") is not None
    for name in ("cat", "../outside", str(folder.parent / "outside"), "animals", "", "a\0b"):
        assert found.find(name) is None


def test_pickles_are_refused_or_copied_first(folder: Path, tmp_path: Path) -> None:
    document = {
        "string_to_param": {"*": torch.nn.Parameter(ONES)},
        "string_to_token": {"*": 265},
        "name": "cat",
    }
    torch.save(document, folder / "cat.pt")
    torch.save([{"cat": ONES}], folder / "list.bin")

    with pytest.raises(PickleRefused, match=r"comfy-creator convert .*cat\.pt.*--allow-pickle"):
        embeddings(folder).find("cat")
    allowed = embeddings(folder, Pickles(copies=tmp_path / "copies"))
    for name in ("cat", "list"):
        found = allowed.find(name)
        assert found is not None
        assert torch.equal(found.rows("clip_l"), ONES)
