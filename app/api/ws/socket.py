"""/ws: one reader and one writer per client; the hub's messages become frames here."""

import asyncio
import contextlib
import logging
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.api.features import server_features
from app.api.services import Services, services_of
from app.api.ws import frames
from app.events.client_buffer import ClientTooSlow
from app.events.hub import Client
from app.events.messages import CustomEvent

SEND_LIMIT_S = 10.0
"""A client that takes no frame for this long is closed."""

SOCKETS_PER_ADDRESS = 64
LONGEST_ID = 200

TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008

_log = logging.getLogger(__name__)

router = APIRouter()


@dataclass(kw_only=True)
class Sockets:
    """How many sockets each address holds; one per app."""

    count: Counter[str] = field(default_factory=Counter[str])


@dataclass(kw_only=True)
class _Flags:
    """What the client said it can read."""

    preview_metadata: bool = False


@router.websocket("/ws")
async def ws(socket: WebSocket) -> None:
    """Events for one client; `clientId` is the name under which it queues prompts."""
    address = socket.client.host if socket.client else ""
    sockets: Sockets = socket.app.state.sockets
    await socket.accept()
    if sockets.count[address] >= SOCKETS_PER_ADDRESS:
        await socket.close(TRY_AGAIN_LATER, "too many sockets from this address")
        return
    client_id = socket.query_params.get("clientId") or uuid.uuid4().hex
    if len(client_id) > LONGEST_ID:
        await socket.close(POLICY_VIOLATION, "clientId is too long")
        return
    sockets.count[address] += 1
    try:
        await _converse(socket, services_of(socket), client_id)
    finally:
        sockets.count[address] -= 1
        if not sockets.count[address]:
            del sockets.count[address]


async def _converse(socket: WebSocket, services: Services, client_id: str) -> None:
    """Read and write until either side is done."""
    flags = _Flags()
    remaining = await services.queue.remaining()
    client = services.hub.connect(client_id)
    writer = asyncio.create_task(_write(socket, client, flags, remaining), name=f"ws-writer-{client_id}")
    reader = asyncio.create_task(_read(socket, services, client, flags), name=f"ws-reader-{client_id}")
    try:
        await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        services.hub.disconnect(client)
        for task in (reader, writer):
            task.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)
        # A client that does not read takes no closing frame either.
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            await asyncio.wait_for(socket.close(), 1.0)


async def _write(socket: WebSocket, client: Client, flags: _Flags, remaining: int) -> None:
    """The only task that writes to this socket."""
    try:
        await _send(socket, frames.status(remaining, sid=client.client_id))
        while True:
            message = await client.buffer.get()
            await _send(socket, frames.frame(message, with_metadata=flags.preview_metadata))
    except (ClientTooSlow, TimeoutError):
        _log.warning("A client takes no events any more; its socket is closed")
    except (WebSocketDisconnect, RuntimeError, OSError):
        pass  # it is gone; the reader notices as well


async def _send(socket: WebSocket, frame: str | bytes) -> None:
    async with asyncio.timeout(SEND_LIMIT_S):
        if isinstance(frame, str):
            await socket.send_text(frame)
        else:
            await socket.send_bytes(frame)


async def _read(socket: WebSocket, services: Services, client: Client, flags: _Flags) -> None:
    """Look at the client's first text frame, ignore everything else until it leaves."""
    first = True
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if first and text is not None:
            first = False
            _take_flags(text, services, client, flags)


def _take_flags(text: str, services: Services, client: Client, flags: _Flags) -> None:
    data = _feature_flags(text)
    if data is not None:
        flags.preview_metadata = data.get("supports_preview_metadata") is True
        flags_of_server = server_features(services.about.max_upload_bytes)
        client.buffer.put(CustomEvent(kind="feature_flags", data=flags_of_server))


def _feature_flags(text: str) -> dict[str, Any] | None:
    try:
        body = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    message = cast("dict[str, Any]", body)
    data = message.get("data")
    is_flags = message.get("type") == "feature_flags" and isinstance(data, dict)
    return cast("dict[str, Any]", data) if is_flags else None
