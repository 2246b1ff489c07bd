"""The real application on a free port with a real database and an engine that plays scripts."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from websockets.asyncio.client import ClientConnection, connect

from app import wiring
from app.commands.serve import bind, web_server
from app.events.recent_logs import RecentLogs
from app.protocol.engine import EventSink
from app.settings import Settings
from tests.stub_engine import Script, StubEngine, succeed

LIMIT_S = 20

Value = TypeVar("Value")

PROMPT = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
    },
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}


@dataclass(kw_only=True)
class Live:
    """A server that answers on 127.0.0.1:`port`."""

    core: wiring.Core
    port: int
    http: httpx.AsyncClient
    logs: RecentLogs
    engines: list[StubEngine] = field(default_factory=list[StubEngine])

    async def submit(self, prompt_id: str | None = None, **more: Any) -> str:
        """POST the prompt and return its id."""
        body = {
            "prompt": PROMPT,
            "client_id": "me",
            **({"prompt_id": prompt_id} if prompt_id else {}),
            **more,
        }
        answer = await self.http.post("/prompt", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["prompt_id"])

    def socket(self, client_id: str | None = "me") -> connect:
        """A connection to /ws."""
        query = "" if client_id is None else f"?clientId={client_id}"
        return connect(f"ws://127.0.0.1:{self.port}/ws{query}", proxy=None)

    async def ended(self, prompt_id: str) -> dict[str, Any]:
        """Wait until the prompt is in the history."""

        async def record() -> dict[str, Any] | None:
            return (await self.http.get(f"/history/{prompt_id}")).json().get(prompt_id)

        return await until(record)


async def until(get: Callable[[], Awaitable[Value | None]]) -> Value:
    """Ask until there is an answer, with a limit."""
    async with asyncio.timeout(LIMIT_S):
        while (found := await get()) is None:  # noqa: ASYNC110  a server sets no event
            await asyncio.sleep(0.01)
        return found


async def received(socket: ClientConnection) -> tuple[str, Any]:
    """The next frame: its type and data, or "binary" and the bytes."""
    async with asyncio.timeout(LIMIT_S):
        frame = await socket.recv()
    if isinstance(frame, bytes):
        return "binary", frame
    message = json.loads(frame)
    assert set(message) == {"type", "data"}
    return message["type"], message["data"]


async def received_until(socket: ClientConnection, last: Callable[[str, Any], bool]) -> list[tuple[str, Any]]:
    """All frames up to the one that `last` accepts, without the executor's states."""
    frames: list[tuple[str, Any]] = []
    while True:
        kind, data = await received(socket)
        if kind != "executor_state":
            frames.append((kind, data))
        if last(kind, data):
            return frames


def is_end(kind: str, data: Any) -> bool:
    """Whether this frame says that the prompt is over."""
    return kind == "executing" and data["node"] is None


@contextlib.asynccontextmanager
async def live(base: Path, script: Script = succeed) -> AsyncIterator[Live]:
    """Serve until the block ends."""
    settings, logs = Settings.model_validate({"base_directory": base}), RecentLogs()
    engines: list[StubEngine] = []

    def engine(sink: EventSink) -> StubEngine:
        engines.append(StubEngine(sink, script))
        return engines[-1]

    (listener,) = bind(["127.0.0.1"], 0)
    port: int = listener.getsockname()[1]
    async with wiring.core(settings, wiring.folders_of(settings), engine) as core:
        app, _ = wiring.web_app(core, settings, logs, (), port)
        server = web_server(app)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT_S) as http:
                yield Live(core=core, port=port, http=http, logs=logs, engines=engines)
        finally:
            server.should_exit = True
            await task
            listener.close()
