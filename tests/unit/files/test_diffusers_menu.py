"""The menu of model folders of diffusers: those with an index, at any depth."""

from pathlib import Path

import pytest

from app.files.diffusers_menu import diffusers_choices, offers_diffusers, resolve_diffusers
from app.files.errors import FileNotAvailable
from app.files.model_folders import ModelFolders, default_folders


@pytest.fixture
def models(tmp_path: Path) -> ModelFolders:
    for name in ("xl ü/model_index.json", "sub/sd1/model_index.json", "sub/other.json", "model_index.json"):
        path = tmp_path / "models/diffusers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return ModelFolders(default_folders(tmp_path, tmp_path / "output"))


def test_menu_lists_folders_with_an_index(models: ModelFolders) -> None:
    assert diffusers_choices(models) == ["sub/sd1", "xl ü"]


def test_a_new_folder_is_seen_at_once(models: ModelFolders, tmp_path: Path) -> None:
    diffusers_choices(models)
    (tmp_path / "models/diffusers/new").mkdir()
    (tmp_path / "models/diffusers/new/model_index.json").touch()

    assert "new" in diffusers_choices(models)


def test_a_choice_is_accepted_as_long_as_the_menu_has_it(models: ModelFolders, tmp_path: Path) -> None:
    for name in diffusers_choices(models):
        assert offers_diffusers(models, name)
        assert resolve_diffusers(models, name) == tmp_path / "models/diffusers" / name
    for name in ("sub", "xl", "../diffusers/xl ü", ""):
        assert not offers_diffusers(models, name)
        with pytest.raises(FileNotAvailable):
            resolve_diffusers(models, name)
