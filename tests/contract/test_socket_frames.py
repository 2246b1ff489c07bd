"""Every text frame of /ws is what the message types say: checked against the schemas made of them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator, ValidationError

from app.events.messages import CustomEvent, Message, Preview, ResultPicture
from app.events.messages import NodeText as NodeTextMessage
from app.protocol.commands import RunPrompt
from app.protocol.events import (
    ExecutionCached,
    ExecutionEnded,
    ExecutionStarted,
    NodeError,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    PromptEvent,
)
from tests.integration.server.live import is_end, live, received
from tests.stub_engine import StubEngine

BINARY = (Preview, ResultPicture, NodeTextMessage)
"""Messages that travel as binary frames."""

ENDS = ("success", "error", "interrupted")
"""Ids of the prompts sent, and how each ends."""


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each kind of text frame."""
    kinds: list[Any] = [each for each in get_args(Message) if each not in (*BINARY, CustomEvent)]
    return {str(each.__struct_config__.tag): msgspec.json.schema(each) for each in kinds}


def assert_valid(kind: str, data: dict[str, Any]) -> None:
    """The frame has all fields of its message, each of the right type, and no others."""
    schema = schemas()[kind]
    (definition,) = [each for each in schema["$defs"].values() if kind in str(each["properties"].get("type"))]
    Draft202012Validator(schema).validate({"type": kind, **data})
    assert set(data) <= set(definition["properties"])


def message_fields(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """The fields of the message in a frame; two kinds have ComfyUI's own shape around them."""
    if kind == "status":
        assert set(data) <= {"status", "sid"}
        fields: dict[str, Any] = data["status"]["exec_info"]
        return fields
    if kind == "executing" and data["node"] is None:
        assert set(data) == {"node", "prompt_id"}
        return {**data, "display_node": None}
    return data


async def playing(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
    """A prompt that ends as its id says."""
    about: Any = {"prompt_id": command.prompt_id, "node_id": "2", "display_node_id": "2"}
    yield ExecutionStarted(prompt_id=command.prompt_id)
    yield ExecutionCached(prompt_id=command.prompt_id, nodes=["1"])
    yield NodeStarted(**about)
    yield NodeProgress(**about, value=1, total=20)
    if command.prompt_id == "success":
        yield NodeFinished(**about, ui={"images": [{"filename": "ä.png", "subfolder": "", "type": "output"}]})
    error = NodeError(
        node_id="2",
        node_type="SaveImage",
        exception_type="ValueError",
        message="no",
        traceback=["line 1"],
        current_inputs={"images": ["a tensor"]},
    )
    yield ExecutionEnded(
        prompt_id=command.prompt_id,
        outcome=command.prompt_id,
        executed=["2"],
        error=error if command.prompt_id == "error" else None,
        node_id="2",
        node_type="SaveImage",
    )


async def test_every_kind_of_text_frame_fits_the_schema_of_its_message(tmp_path: Path) -> None:
    seen: set[str] = set()
    async with live(tmp_path, playing) as server, server.socket() as socket:
        for end in ENDS:
            await server.submit(end)
            over = False
            while not over:
                kind, data = await received(socket)
                assert_valid(kind, message_fields(kind, data))
                seen.add(kind)
                over = is_end(kind, data)
        server.engines[-1].die("it was ended")
        dead = False
        while not dead:
            kind, data = await received(socket)
            assert_valid(kind, message_fields(kind, data))
            dead = kind == "executor_state" and data["state"] == "dead"
    assert seen == set(schemas())


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": "1", "max": 20.0, "prompt_id": "a", "node": "2"},
        {"value": 1.0, "max": 20.0, "prompt_id": "a"},
        {"value": 1.0, "max": 20.0, "prompt_id": "a", "node": "2", "more": 1},
    ],
    ids=json.dumps,
)
def test_wrong_frames_are_noticed(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, AssertionError)):
        assert_valid("progress", wrong)
