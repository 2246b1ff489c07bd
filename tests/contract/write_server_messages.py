"""Writes an example of everything that the server tells the page; the tests of both sides read the file.

Run `.venv/bin/python -m tests.contract.write_server_messages` after a change of what the server sends.
"""

import asyncio
import base64
import json
import logging
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from app.actions.submit_prompt import SubmitPrompt
from app.api.app import create_app
from app.api.features import server_features
from app.api.security.policy import AccessPolicy
from app.api.services import Services
from app.api.ws import frames
from app.engine.run_record import RunRecord
from app.events.hub import EventHub
from app.events.log_feed import LogFeed
from app.events.messages import CustomEvent, ExecutorState, Message, NodeExecuting, QueueChanged, name_of
from app.events.recent_logs import RecentLogs
from app.files.folders import data_folders
from app.protocol.events import (
    ExecutionCached,
    ExecutionEnded,
    ExecutionStarted,
    NodeError,
    NodeFinished,
    NodePicture,
    NodePreview,
    NodeProgress,
    NodeStarted,
    NodeText,
    PromptEvent,
)
from app.queue.attempt_files import AttemptFiles
from app.queue.base import QueuedPrompt
from app.queue.embedded import EmbeddedQueue
from app.store.database import Database
from tests.integration.security.running_app import services_for

COMMITTED = Path(__file__).parents[2] / "frontend" / "src" / "test" / "fixtures" / "server-messages.json"

START_MS = 1_700_000_000_000
"""Each look at a clock takes one millisecond from here on."""

PROMPT: dict[str, Any] = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
    },
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    "4": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}},
}
"""Node 4 lacks its picture: the prompt is taken without it."""

UI = {"images": [{"filename": "ä.png", "subfolder": "sub", "type": "output"}]}


def events(prompt_id: str) -> list[PromptEvent]:
    """What an executor tells about a prompt that ends as its id says. Node 3:1 is shown as node 3."""
    saving: Any = {"prompt_id": prompt_id, "node_id": "2", "display_node_id": "2"}
    inner: Any = {"prompt_id": prompt_id, "node_id": "3:1", "display_node_id": "3"}
    error = NodeError(
        node_id="2",
        node_type="SaveImage",
        exception_type="ValueError",
        message="no",
        traceback=["line 1", "line 2"],
        current_inputs={"images": ["a tensor"]},
    )
    return [
        ExecutionStarted(prompt_id=prompt_id),
        ExecutionCached(prompt_id=prompt_id, nodes=["1"]),
        NodeStarted(**saving),
        NodeFinished(**saving, ui=UI, seconds=1.5),
        NodeStarted(**inner),
        NodeProgress(**inner, value=5, total=20),
        NodePreview(**inner, image_type="image/jpeg", image=b"small"),
        NodePicture(**inner, image_type="image/png", image=b"whole"),
        NodeText(prompt_id=prompt_id, node_id="3:1", text="ein Würfel"),
        ExecutionEnded(
            prompt_id=prompt_id,
            outcome=prompt_id,
            executed=["2"],
            error=error if prompt_id == "error" else None,
            node_id="2" if prompt_id == "interrupted" else None,
            node_type="SaveImage" if prompt_id == "interrupted" else None,
        ),
    ]


ENDS = ("success", "error", "interrupted")
"""Ids of the prompts that are played, and how each ends."""


def played(queued: QueuedPrompt) -> tuple[RunRecord, list[Message]]:
    """The record of a prompt, and what clients are told about it."""
    record = RunRecord(queued, count(START_MS).__next__)
    return record, [message for event in events(queued.prompt_id) for message in record.apply(event)]


def prompt_messages() -> list[Message]:
    """Everything that is told about prompts which end in each way."""
    return [
        message
        for end in ENDS
        for message in played(
            QueuedPrompt(
                prompt_id=end,
                number=1,
                prompt=PROMPT,
                targets=("2",),
                extra_data={},
                client_id="page",
                attempt=1,
            )
        )[1]
    ]


async def log_line() -> Message:
    """What a client is told that has asked for the lines of the log."""
    hub, logs = EventHub(), RecentLogs()
    client = hub.connect("page")
    LogFeed(logs, hub).subscribe("page")
    logs.handle(logging.makeLogRecord({"msg": "größer", "created": START_MS / 1000}))
    while not isinstance(message := await client.buffer.get(), CustomEvent):
        pass
    return message


def messages() -> dict[str, Message]:
    """Messages by name: of each kind that is told about prompts the last one, and those about the server."""
    return {
        "status": QueueChanged(queue_remaining=2),
        "executor_state": ExecutorState(state="dead", detail="It was ended."),
        "feature_flags": CustomEvent(kind="feature_flags", data=server_features(1000)),
        "logs": asyncio.run(log_line()),
        "executing (told on connect)": NodeExecuting(node="3:1", display_node="3", prompt_id=None),
        "executing (the prompt is over)": NodeExecuting(node=None, display_node=None, prompt_id="success"),
        **{name_of(message): message for message in prompt_messages()},
    }


def written_frames() -> tuple[dict[str, Any], dict[str, str]]:
    """Text frames as JSON and binary frames as base64, by name."""
    texts: dict[str, Any] = {"status (told on connect)": json.loads(frames.status(0, sid="page"))}
    binaries: dict[str, str] = {}
    for name, message in messages().items():
        for label, with_metadata in ((name, True), (f"{name} (without metadata)", False)):
            frame = frames.frame(message, with_metadata=with_metadata)
            if isinstance(frame, bytes):
                binaries[label] = base64.b64encode(frame).decode()
            elif with_metadata:
                texts[name] = json.loads(frame)
    return texts, binaries


async def answers(base: Path) -> dict[str, Any]:
    """Answers of the real routes, over a database in this folder."""
    folders = data_folders(base)
    folders.prepare()
    database = await Database.open(folders.state / "written.db")
    try:
        queue = EmbeddedQueue(database, AttemptFiles(folders.state, []), clock_ms=count(START_MS).__next__)
        services = services_for(folders, database, AccessPolicy())
        services = replace(services, queue=queue, submit=SubmitPrompt(services.catalog, queue))
        return {name: answer async for name, answer in asked(services)}
    finally:
        await database.close()


async def asked(services: Services) -> AsyncIterator[tuple[str, Any]]:
    """Requests and their answers: three prompts have ended, one runs and one waits."""
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8188/api/") as http:
        for end in ENDS:
            answer = await http.post("prompt", json=body(end))
            if end == "success":
                yield "POST prompt", answer.raise_for_status().json()
            queued = await services.queue.take()
            assert queued is not None
            await services.queue.finish(end, played(queued)[0].outcome())
        for prompt_id in ("running", "waiting"):
            (await http.post("prompt", json=body(prompt_id))).raise_for_status()
        assert await services.queue.take() is not None
        for path in ("queue", "history", "v1/system", "v1/jobs/success"):
            yield f"GET {path}", (await http.get(path)).raise_for_status().json()


def body(prompt_id: str) -> dict[str, Any]:
    """What the page sends, with an id that stays the same."""
    workflow = {"version": 0.4, "nodes": []}
    return {
        "prompt_id": prompt_id,
        "client_id": "page",
        "prompt": PROMPT,
        "extra_data": {"extra_pnginfo": {"workflow": workflow}},
    }


def fixture() -> str:
    """The content of the file."""
    texts, binaries = written_frames()
    with tempfile.TemporaryDirectory() as base:
        answered = asyncio.run(answers(Path(base)))
    content = {"texts": texts, "binaries": binaries, "answers": answered}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    COMMITTED.write_text(fixture())
