"""The founding workflow, word for word, through a real server and a real executor."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.serving import Server

DEMO = "comfy-creator-demo.safetensors"

GOLDEN = Path(__file__).parents[2] / "golden" / "seed-workflow-api.json"


@pytest.fixture
def seed() -> dict[str, Any]:
    workflow: dict[str, Any] = json.loads(GOLDEN.read_text())
    return workflow


def small(workflow: dict[str, Any], checkpoint: str) -> dict[str, Any]:
    """The workflow with a checkpoint that exists and little to compute."""
    workflow["4"]["inputs"]["ckpt_name"] = checkpoint
    workflow["5"]["inputs"].update(width=64, height=64)
    workflow["3"]["inputs"]["steps"] = 4
    return workflow


def test_unchanged_it_is_refused_and_says_where_a_checkpoint_goes(
    server: Server, seed: dict[str, Any]
) -> None:
    answer = server.client.post("/prompt", json={"prompt": seed})
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"]["type"] == "prompt_outputs_failed_validation"
    assert list(body["node_errors"]) == ["4"]
    assert body["node_errors"]["4"]["class_type"] == "CheckpointLoaderSimple"
    assert body["node_errors"]["4"]["dependent_outputs"] == ["9"]
    (error,) = body["node_errors"]["4"]["errors"]
    assert error["type"] == "value_not_in_list"
    assert error["extra_info"]["input_name"] == "ckpt_name"
    assert error["extra_info"]["received_value"] == "sdxl_anime\\break_domain_xl_v05g.safetensors"
    assert str(Path("models") / "checkpoints") in error["message"]


@pytest.mark.parametrize("name", ["sub folder/tiny.safetensors", "sub folder\\tiny.safetensors"])
def test_with_a_checkpoint_it_makes_a_picture_that_carries_its_prompt(
    server: Server, seed: dict[str, Any], name: str
) -> None:
    prompt = small(seed, name)
    workflow = {"nodes": [], "links": [], "version": 0.4, "extra": {"text": "日本語"}}
    prompt_id = server.submit(prompt, extra_data={"extra_pnginfo": {"workflow": workflow}})
    record = server.wait_ended(prompt_id)
    assert record["status"]["status_str"] == "success"
    (image,) = record["outputs"]["9"]["images"]
    file = server.base / "output" / image["subfolder"] / image["filename"]
    with Image.open(file) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (64, 64))
        text = getattr(picture, "text")  # noqa: B009  only PNG pictures have it
    assert json.loads(text["prompt"]) == prompt
    assert json.loads(text["workflow"]) == workflow
    shown = server.client.get("/view", params=image)
    assert shown.status_code == 200
    assert shown.content == file.read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_with_the_demo_model_and_no_other_change_it_makes_its_picture(
    server: Server, seed: dict[str, Any]
) -> None:
    original = json.loads(GOLDEN.read_text())
    seed["4"]["inputs"]["ckpt_name"] = DEMO
    workflow = {"nodes": [], "links": [], "version": 0.4}
    prompt_id = server.submit(seed, extra_data={"extra_pnginfo": {"workflow": workflow}})
    record = server.wait_ended(prompt_id, 600)
    assert record["status"]["status_str"] == "success"
    (image,) = record["outputs"]["9"]["images"]
    with Image.open(server.base / "output" / image["subfolder"] / image["filename"]) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (512, 512))
        assert len(set(picture.resize((16, 16)).tobytes())) > 16, "the picture is plain"
        text = getattr(picture, "text")  # noqa: B009  only PNG pictures have it
    original["4"]["inputs"]["ckpt_name"] = DEMO
    assert json.loads(text["prompt"]) == original
    assert json.loads(text["workflow"]) == workflow


def test_without_a_workflow_only_the_prompt_is_embedded(server: Server, seed: dict[str, Any]) -> None:
    prompt = small(seed, "sub folder/tiny.safetensors")
    prompt["3"]["inputs"]["seed"] = 18446744073709551615
    record = server.wait_ended(server.submit(prompt))
    (image,) = record["outputs"]["9"]["images"]
    with Image.open(server.base / "output" / image["filename"]) as picture:
        text = getattr(picture, "text")  # noqa: B009  only PNG pictures have it
    assert set(text) == {"prompt"}
    assert json.loads(text["prompt"])["3"]["inputs"]["seed"] == 18446744073709551615


def test_same_seed_same_picture_other_seed_another(server: Server, seed: dict[str, Any]) -> None:
    pictures: list[bytes] = []
    for number in (1, 2, 1):
        prompt = small(json.loads(GOLDEN.read_text()), "sub folder/tiny.safetensors")
        prompt["3"]["inputs"]["seed"] = number
        record = server.wait_ended(server.submit(prompt))
        (image,) = record["outputs"]["9"]["images"]
        with Image.open(server.base / "output" / image["filename"]) as picture:
            pictures.append(picture.tobytes())
    assert pictures[0] == pictures[2] != pictures[1]
