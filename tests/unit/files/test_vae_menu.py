"""The menu of VAEs: files, tiny autoencoders that are complete, and pixel space."""

from pathlib import Path

import pytest

from app.files.model_folders import ModelFolders, default_folders
from app.files.vae_menu import offers_vae, tiny_vae_file, vae_choices


@pytest.fixture
def models(tmp_path: Path) -> ModelFolders:
    for name in (
        "vae/kl.safetensors",
        "vae_approx/taesd_encoder.safetensors",
        "vae_approx/taesd_decoder.pth",
        "vae_approx/sub/taesd_decoder.safetensors",
        "vae_approx/taesdxl_decoder.safetensors",
        "vae_approx/taef1_encoder_old.safetensors",
    ):
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return ModelFolders(default_folders(tmp_path, tmp_path / "output"))


def test_menu_has_files_then_complete_tiny_ones_then_pixel_space(models: ModelFolders) -> None:
    assert vae_choices(models) == ["kl.safetensors", "taesd", "pixel_space"]


def test_a_choice_is_accepted_as_long_as_the_menu_has_it(models: ModelFolders) -> None:
    assert all(offers_vae(models, name) for name in vae_choices(models))
    assert not any(offers_vae(models, name) for name in ("taesdxl", "taef1", "other.safetensors", ""))


def test_safetensors_go_before_pickles_and_half_a_pair_is_enough_for_previews(models: ModelFolders) -> None:
    assert tiny_vae_file(models, "taesd", "decoder") == "sub/taesd_decoder.safetensors"
    assert tiny_vae_file(models, "taesdxl", "decoder") == "taesdxl_decoder.safetensors"
    assert tiny_vae_file(models, "taesdxl", "encoder") is None
