"""Menus of folders as people have them: two programs' trees, thousands of files, names of any kind."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.auth import AccessPolicy
from tests.integration.security.running_app import Running, serving

A1111 = """
webui:
  base_path: ../stable-diffusion-webui
  checkpoints: models/Stable-diffusion
  vae: models/VAE
  loras: |
    models/Lora
    models/LyCORIS
  upscale_models: |
    models/ESRGAN
    models/SwinIR
  embeddings: embeddings
  controlnet: models/ControlNet
"""
OURS = (
    "models/checkpoints/SD 1.5/my model (v2).safetensors",
    "models/checkpoints/日本語 モデル.safetensors",
    "models/loras/Größe/größer.safetensors",
    "models/loras/notes.txt",
)
THEIRS = (
    "models/Stable-diffusion/sub/deep/theirs.safetensors",
    "models/Stable-diffusion/theirs.ckpt",
    "models/Lora/style #1.safetensors",
    "models/LyCORIS/emoji 🎨.safetensors",
    "models/VAE/vae.pt",
    "models/ESRGAN/4x_up.pth",
    "models/SwinIR/swin.pth",
    "embeddings/bad hands.pt",
    "models/ControlNet/canny.safetensors",
)
MENUS = {
    "checkpoints": [
        "SD 1.5/my model (v2).safetensors",
        "comfy-creator-demo.safetensors",
        "sub/deep/theirs.safetensors",
        "theirs.ckpt",
        "日本語 モデル.safetensors",
    ],
    "loras": ["Größe/größer.safetensors", "emoji 🎨.safetensors", "style #1.safetensors"],
    "vae": ["vae.pt"],
    "upscale_models": ["4x_up.pth", "swin.pth"],
    "embeddings": ["bad hands.pt"],
    "controlnet": ["canny.safetensors"],
}
MANY = 2000


def put(path: Path) -> None:
    """An empty file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def let_settle(folder: Path) -> None:
    """Make it look as if no folder had changed for a minute: those that have just changed are read anew."""
    past = time.time() - 60
    for each in folder.rglob("*"):
        if each.is_dir():
            os.utime(each, (past, past))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    for name in OURS:
        put(tmp_path / "base" / name)
    for name in THEIRS:
        put(tmp_path / "stable-diffusion-webui" / name)
    (tmp_path / "base/extra_model_paths.yaml").write_text(A1111, encoding="utf-8")
    async with serving(tmp_path, AccessPolicy()) as running:
        yield running


async def menu(http: httpx.AsyncClient, class_type: str, name: str) -> list[str]:
    """What a node offers."""
    info = (await http.get(f"/object_info/{class_type}")).json()[class_type]
    return info["input"]["required"][name][0]


async def is_accepted(http: httpx.AsyncClient, checkpoint: str) -> bool:
    """Whether a prompt may name that checkpoint."""
    prompt: dict[str, Any] = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    answer = await http.post("/prompt", json={"prompt": prompt})
    assert answer.status_code in (200, 400)
    return answer.status_code == 200


@pytest.mark.parametrize("key", MENUS)
async def test_files_of_both_trees_are_listed_with_their_folders(server: Running, key: str) -> None:
    assert (await server.http.get(f"/models/{key}")).json() == MENUS[key]


async def test_menus_of_nodes_offer_them_and_prompts_may_name_each(server: Running) -> None:
    assert await menu(server.http, "CheckpointLoaderSimple", "ckpt_name") == MENUS["checkpoints"]
    for name in MENUS["checkpoints"]:
        assert await is_accepted(server.http, name), name
        assert await is_accepted(server.http, name.replace("/", "\\")), name
    assert not await is_accepted(server.http, "missing.safetensors")


async def test_new_and_removed_files_are_seen_without_a_restart(server: Running) -> None:
    new = "sub/brand new ü.safetensors"
    path = server.folders.base.parent / "stable-diffusion-webui/models/Stable-diffusion" / new
    assert not await is_accepted(server.http, new)

    put(path)
    assert new in await menu(server.http, "CheckpointLoaderSimple", "ckpt_name")
    assert await is_accepted(server.http, new)

    path.unlink()
    assert new not in await menu(server.http, "CheckpointLoaderSimple", "ckpt_name")
    assert not await is_accepted(server.http, new)


@pytest.fixture
def many(server: Running) -> list[str]:
    """Names of 2,000 LoRAs spread over sub-folders of both trees, sorted."""
    names = [f"Ordner {number % 40}/子 {number % 7}/LoRA №{number}.safetensors" for number in range(MANY)]
    for number, name in enumerate(names):
        tree = "base/models/loras" if number % 2 else "stable-diffusion-webui/models/Lora"
        put(server.folders.base.parent / tree / name)
    return sorted([*names, *MENUS["loras"]])


async def test_two_thousand_files_of_both_trees_are_listed_and_offered(
    server: Running, many: list[str]
) -> None:
    assert (await server.http.get("/models/loras")).json() == many
    assert await menu(server.http, "LoraLoader", "lora_name") == many


async def test_a_new_file_among_two_thousand_is_seen_and_no_other_folder_is_read_for_it(
    server: Running, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    let_settle(server.folders.base.parent)
    models = server.folders.models
    assert models.list("loras") == many
    read: list[Path] = []
    scandir = os.scandir

    def remember(path: Path) -> Any:
        read.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", remember)
    assert models.list("loras") == many
    assert read == []

    new = "Ordner 3/子 3/brand new ü.safetensors"
    put(server.folders.base / "models/loras" / new)

    assert models.list("loras") == sorted([*many, new])
    assert read == [server.folders.base / "models/loras/Ordner 3/子 3"]
    assert new in await menu(server.http, "LoraLoader", "lora_name")
