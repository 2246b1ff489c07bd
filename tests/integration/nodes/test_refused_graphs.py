"""Nodes of families that cannot be run yet, POSTed: the prompt is taken, and ends with their sentence."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.client import connect

from app.nodes import other_families
from app.nodes.declare import NodeClass
from app.nodes.registry import builtin_nodes
from tests.checkpoints import save_tiny
from tests.serving import Server, serving

NODES = builtin_nodes()
REFUSING = {node.schema.class_type for node in other_families.NODES}
SOURCES = {  # which node and output a socket of a type gets
    "CLIP": ("CheckpointLoaderSimple", 1),
    "CLIP_VISION": ("CLIPVisionLoader", 0),
    "CLIP_VISION_OUTPUT": ("CLIPVisionEncode", 0),
    "CONDITIONING": ("CLIPTextEncode", 0),
    "IMAGE": ("EmptyImage", 0),
    "LATENT": ("EmptyLatentImage", 0),
    "MODEL": ("CheckpointLoaderSimple", 0),
    "MODEL_PATCH": ("ModelPatchLoader", 0),
    "PHOTOMAKER": ("PhotoMakerLoader", 0),
    "STYLE_MODEL": ("StyleModelLoader", 0),
    "VAE": ("CheckpointLoaderSimple", 2),
}
FILE = "any.safetensors"
LIMIT_S = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("refused")
    for node in other_families.NODES:
        for each in node.schema.inputs:
            if each.choices_from is not None:
                folder = base / "models" / each.choices_from.removeprefix("models:")
                folder.mkdir(parents=True, exist_ok=True)
                (folder / FILE).touch()
    save_tiny(base / "models/checkpoints" / FILE)
    with serving(base) as running:
        running.wait_ready()
        yield running


def prompt_with(class_type: str) -> dict[str, Any]:
    """A prompt that shows the first output of a node, with everything before it that it needs."""
    prompt: dict[str, Any] = {}
    _add(prompt, class_type)
    prompt["show"] = {"class_type": "PreviewAny", "inputs": {"source": [class_type, 0]}}
    return prompt


def _add(prompt: dict[str, Any], class_type: str) -> None:
    inputs: dict[str, Any] = {}
    for each in NODES[class_type].schema.inputs:
        if each.choices_from is not None:
            inputs[each.name] = FILE
        elif each.type in SOURCES:
            source, slot = SOURCES[each.type]
            inputs[each.name] = [source, slot]
            if source not in prompt:
                _add(prompt, source)
        elif each.required:
            first = each.choices[0] if each.choices else "text"
            inputs[each.name] = each.options.get("default", first)
    prompt[class_type] = {"class_type": class_type, "inputs": inputs}


@pytest.mark.parametrize("node", other_families.NODES, ids=lambda node: node.schema.class_type)
def test_posted_node_of_another_family_ends_its_prompt_with_a_typed_error(
    server: Server, node: NodeClass
) -> None:
    prompt = prompt_with(node.schema.class_type)
    with connect(f"ws://127.0.0.1:{server.port}/ws?clientId=me", proxy=None) as socket:
        answer = server.client.post("/prompt", json={"prompt": prompt, "client_id": "me"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["node_errors"] == {}
        told = error_of(socket)

    ended = server.wait_ended(answer.json()["prompt_id"])

    assert ended["status"]["status_str"] == "error"
    (kept,) = [data for kind, data in ended["status"]["messages"] if kind == "execution_error"]
    for error in (told, kept):
        assert error["exception_type"].endswith("FamilyNotSupportedYet")
        assert error["node_type"] in REFUSING & prompt.keys()
        assert error["exception_message"].startswith("Model family not supported yet: ")
        shown = NODES[error["node_type"]].schema.display_name or error["node_type"]
        assert f": {shown} belongs to " in error["exception_message"]
    if not REFUSING & prompt.keys() - {node.schema.class_type}:
        assert told["node_type"] == node.schema.class_type


def error_of(socket: Any) -> dict[str, Any]:
    """What the client hears of the error that ends its prompt."""
    while True:
        frame = socket.recv(timeout=LIMIT_S)
        if isinstance(frame, str):
            message = json.loads(frame)
            if message["type"] == "execution_error":
                return message["data"]
