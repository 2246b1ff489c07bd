"""Model folders: keys and search folders, listing that notices changes, and names that stay inside."""

import os
import time
from pathlib import Path

import pytest

from app.files.errors import BadModelPaths, FileNotAvailable
from app.files.extra_model_paths import read_extra_model_paths
from app.files.folders import data_folders
from app.files.model_folders import ModelFolders

# comfyui-compatible clients index into this list
KEYS = [
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "custom_nodes",
    "hypernetworks",
    "photomaker",
    "classifiers",
    "model_patches",
    "audio_encoders",
]


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_keys_come_in_the_order_clients_know(tmp_path: Path) -> None:
    assert list(data_folders(tmp_path).models.keys) == KEYS


def test_search_folders_of_keys_with_several(tmp_path: Path) -> None:
    models = data_folders(tmp_path).models
    own = tmp_path / "models"
    assert models.folders("text_encoders")[:2] == (own / "text_encoders", own / "clip")
    assert models.folders("diffusion_models")[:2] == (own / "unet", own / "diffusion_models")
    assert models.folders("controlnet")[:2] == (own / "controlnet", own / "t2i_adapter")
    assert tmp_path / "output" / "clip" in models.folders("text_encoders")
    assert tmp_path / "output" / "checkpoints" in models.folders("checkpoints")


def test_older_names_of_keys_mean_the_same(tmp_path: Path) -> None:
    models = data_folders(tmp_path).models
    assert models.folders("unet") == models.folders("diffusion_models")
    assert models.folders("clip") == models.folders("text_encoders")


def test_listing_is_sorted_recursive_with_slashes_and_known_suffixes_only(tmp_path: Path) -> None:
    models = data_folders(tmp_path).models
    for name in (
        "b.safetensors",
        "sub/deep/a.ckpt",
        "c.SFT",
        "notes.txt",
        ".hidden.safetensors",
        ".git/x.bin",
    ):
        put(tmp_path / "models" / "loras" / name)
    assert models.list("loras") == ["b.safetensors", "c.SFT", "sub/deep/a.ckpt"]


def test_new_and_removed_files_are_noticed_without_waiting(tmp_path: Path) -> None:
    models = data_folders(tmp_path).models
    for number in range(30):
        file = put(tmp_path / "models" / "vae" / "in" / f"{number}.safetensors")
        assert f"in/{number}.safetensors" in models.list("vae")
        if number % 2:
            file.unlink()
            assert f"in/{number}.safetensors" not in models.list("vae")


def test_settled_folders_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = data_folders(tmp_path).models
    folder = put(tmp_path / "models" / "vae" / "a.safetensors").parent
    long_ago = time.time() - 60
    os.utime(folder, (long_ago, long_ago))
    assert models.list("vae") == ["a.safetensors"]

    def refuse(path: object) -> None:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(os, "scandir", refuse)
    assert models.list("vae") == ["a.safetensors"]


def test_resolve_takes_backslashes_and_finds_the_first_folder(tmp_path: Path) -> None:
    models = data_folders(tmp_path).models
    first = put(tmp_path / "models" / "text_encoders" / "a" / "b.safetensors")
    put(tmp_path / "models" / "clip" / "a" / "b.safetensors")
    assert models.resolve("text_encoders", "a\\b.safetensors") == first
    assert models.offers("text_encoders", "a\\b.safetensors")
    assert models.offers("clip", "a/b.safetensors")


def test_a_missing_file_is_told_with_its_folder(tmp_path: Path) -> None:
    models = data_folders(tmp_path).models
    with pytest.raises(FileNotAvailable, match=str(tmp_path / "models" / "checkpoints")):
        models.resolve("checkpoints", "none.safetensors")


@pytest.mark.parametrize(
    "name", ["../secret.safetensors", "/etc/passwd", "C:\\x.ckpt", "a\0.ckpt", "", "a/../../b"]
)
def test_names_that_lead_out_are_like_missing_ones(tmp_path: Path, name: str) -> None:
    put(tmp_path / "models" / "secret.safetensors")
    put(tmp_path / "models" / "checkpoints" / "a" / "x.ckpt")
    models = data_folders(tmp_path).models
    with pytest.raises(FileNotAvailable):
        models.resolve("checkpoints", name)
    assert not models.offers("checkpoints", name)


def test_links_are_followed_inside_model_folders_only(tmp_path: Path) -> None:
    outside = put(tmp_path / "elsewhere" / "out.safetensors")
    inside = put(tmp_path / "base" / "models" / "vae" / "in.safetensors")
    models = data_folders(tmp_path / "base").models
    folder = tmp_path / "base" / "models" / "loras"
    folder.mkdir()
    (folder / "out.safetensors").symlink_to(outside)
    (folder / "in.safetensors").symlink_to(inside)
    (folder / "loop").symlink_to(folder)
    assert models.list("loras") == ["in.safetensors"]
    assert models.offers("loras", "in.safetensors")
    with pytest.raises(FileNotAvailable):
        models.resolve("loras", "out.safetensors")


def test_paths_survive_the_way_to_the_executor(tmp_path: Path) -> None:
    models = data_folders(tmp_path).models
    twin = ModelFolders.from_paths(models.as_paths())
    assert {key: twin.folders(key) for key in twin.keys} == {key: models.folders(key) for key in models.keys}


def test_extra_paths_with_base_several_lines_default_and_older_keys(tmp_path: Path) -> None:
    paths_file = tmp_path / "paths.yaml"
    paths_file.write_text(
        "a111:\n"
        "  base_path: webui\n"
        "  checkpoints: models/Stable-diffusion\n"
        "  loras: |\n"
        "    models/Lora\n"
        "    models/LyCORIS\n"
        "  clip: encoders\n"
        "first:\n"
        "  is_default: true\n"
        "  checkpoints: /big/disk\n"
        "  ipadapter: /ip\n"
        "empty:\n"
    )
    models = data_folders(tmp_path / "base", extra_model_paths=paths_file).models
    webui = tmp_path / "webui"
    assert models.folders("checkpoints")[0] == Path("/big/disk")
    assert models.folders("checkpoints")[-1] == webui / "models" / "Stable-diffusion"
    assert models.folders("loras")[-2:] == (webui / "models" / "Lora", webui / "models" / "LyCORIS")
    assert models.folders("text_encoders")[-1] == webui / "encoders"
    assert models.keys[-1] == "ipadapter"


def test_extra_paths_beside_the_data_are_found(tmp_path: Path) -> None:
    (tmp_path / "extra_model_paths.yaml").write_text("mine:\n  vae: more\n")
    assert data_folders(tmp_path).models.folders("vae")[-1] == tmp_path / "more"


@pytest.mark.parametrize(
    "text",
    ["- a list", "section: text", "s:\n  vae: [1]", "s: {a: [", "a: !!python/object/apply:os.getcwd []"],
)
def test_unusable_extra_paths_are_refused_with_the_file_named(tmp_path: Path, text: str) -> None:
    paths_file = tmp_path / "paths.yaml"
    paths_file.write_text(text)
    with pytest.raises(BadModelPaths, match=r"paths\.yaml"):
        read_extra_model_paths(paths_file)
