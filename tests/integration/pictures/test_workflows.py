"""The workflows that people run every day, each POSTed whole to a real server with tiny models."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import save_file
from torch import Tensor

from app.inference.models.upscalers.rrdb_network import RrdbNetwork, RrdbShape
from app.inference.pictures.images import from_pillow
from tests.golden_models import GoldenModels
from tests.serving import Server, serving

WORKFLOWS = Path(__file__).parent / "workflows"
SIZES = {  # of the pictures, where it is not that of txt2img
    "img2img": (192, 128),
    "inpaint_mask": (192, 128),
    "inpaint_model": (192, 128),
    "hires_fix": (192, 128),
    "area_composition": (128, 64),
    "upscale_with_model": (192, 128),
}


def workflow(name: str) -> dict[str, Any]:
    return json.loads((WORKFLOWS / f"{name}.json").read_text())


NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("workflows")
    models = GoldenModels(base)
    for name in NAMES:
        models.prepare(workflow(name))
    upscaler = base / "models/upscale_models/tiny_x2.safetensors"
    upscaler.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    save_file(RrdbNetwork(RrdbShape(width=8, growth=4, blocks=2, doublings=1)).state_dict(), upscaler)
    with serving(base) as running:
        running.wait_ready()
        yield running


def pictures(server: Server, prompt: dict[str, Any]) -> list[Tensor]:
    """Run a prompt; the pictures it saved, each [1, H, W, 3]."""
    record = server.wait_ended(server.submit(prompt))
    assert record["status"]["status_str"] == "success", record["status"]["messages"]
    shown = []
    for place in record["outputs"]["save"]["images"]:
        answer = server.client.get("/view", params=place)
        picture = Pillow.open(io.BytesIO(answer.content))
        assert json.loads(picture.info["prompt"]) == prompt
        shown.append(from_pillow(picture))
    return shown


@pytest.mark.parametrize("name", [name for name in NAMES if name != "merged_reloaded"])
def test_workflow_makes_a_picture_of_its_own(workshop: Server, name: str) -> None:
    made = pictures(workshop, workflow(name))

    width, height = SIZES.get(name, (96, 64))
    assert [tuple(each.shape) for each in made] == [(1, height, width, 3)] * (3 if name == "batch" else 1)
    assert made[0].std() > 0.02
    plain = pictures(workshop, workflow("txt2img"))[0]
    if made[0].shape == plain.shape and name not in ("txt2img", "batch"):
        assert (made[0] - plain).abs().mean() > 1e-3


def test_a_merged_checkpoint_that_was_saved_makes_the_same_picture(workshop: Server) -> None:
    merged = pictures(workshop, workflow("merge_and_save"))
    reloaded = pictures(workshop, workflow("merged_reloaded"))

    assert torch.equal(merged[0], reloaded[0])


def test_the_first_of_a_batch_is_the_picture_of_its_own_seed(workshop: Server) -> None:
    batch = pictures(workshop, workflow("batch"))
    alone = pictures(workshop, workflow("txt2img"))

    assert (batch[0] - alone[0]).abs().max() <= 1 / 255
    assert (batch[1] - batch[0]).abs().mean() > 0.01
