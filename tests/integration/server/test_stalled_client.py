"""A client that stops reading: its connection is closed, and nobody else notices it."""

import asyncio
import base64
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from app.api.ws import socket as ws_socket
from app.protocol.commands import RunPrompt
from app.protocol.events import ExecutionEnded, ExecutionStarted, NodePicture, NodeStarted, PromptEvent
from tests.integration.server.conftest import ServeWith
from tests.integration.server.live import Live, received, received_until, until
from tests.stub_engine import StubEngine

PICTURES = 40
PICTURE_BYTES = 500_000
"""Together more than what the system takes for a client that does not read."""


async def sending_pictures(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
    """Many large results, which are never left out."""
    about: Any = {"prompt_id": command.prompt_id, "node_id": "2", "display_node_id": "2"}
    yield ExecutionStarted(prompt_id=command.prompt_id)
    yield NodeStarted(**about)
    for number in range(PICTURES):
        yield NodePicture(**about, image_type="image/png", image=bytes([number]) * PICTURE_BYTES)
        await asyncio.sleep(0.005)
    yield ExecutionEnded(prompt_id=command.prompt_id, outcome="success", executed=["2"])


async def stalled(server: Live) -> socket.socket:
    """A client that is connected to /ws and never reads more than the answer to its handshake."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", server.port))
    key = base64.b64encode(bytes(16)).decode()
    await loop.sock_sendall(
        raw,
        f"GET /ws?clientId=stalled HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode(),
    )
    assert (await loop.sock_recv(raw, 64)).startswith(b"HTTP/1.1 101")
    return raw


async def test_a_client_that_stops_reading_is_closed_and_the_others_get_everything(
    serve_with: ServeWith, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ws_socket, "SEND_LIMIT_S", 0.3)
    async with serve_with(sending_pictures) as server, server.socket("reading") as reading:
        raw = await stalled(server)
        with raw:
            port = raw.getsockname()[1]
            await received(reading)

            async def connected() -> bool | None:
                return server.core.hub.is_connected("stalled") or None

            async def gone() -> bool | None:
                held = [each.raddr for each in psutil.Process().net_connections("tcp") if each.raddr]
                return None if await connected() or any(each.port == port for each in held) else True

            assert await until(connected)
            # Without an owner's id in the prompt, all clients are sent its pictures.
            await server.submit(client_id=None)
            frames = await received_until(
                reading, lambda _, data: data == {"status": {"exec_info": {"queue_remaining": 0}}}
            )
            assert await until(gone)
    pictures = [frame[8:] for kind, frame in frames if kind == "binary"]
    assert pictures == [bytes([number]) * PICTURE_BYTES for number in range(PICTURES)]
    assert [each.name for each in caplog.records if each.levelno >= logging.WARNING] == ["app.api.ws.socket"]
