"""Limits on request bodies: size and idle time, counted while the body arrives; used by app.api.auth."""

import asyncio
import contextlib

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

MAX_JSON_BYTES = 10 * 1024 * 1024
BODY_IDLE_S = 30.0
"""Longest pause between two pieces of a body."""

DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_S = 5.0
"""A client that still sends when we close never sees the answer: so much is read and forgotten."""

_UPLOADS = ("/upload/", "/userdata/")


def body_limit(path: str, max_upload_bytes: int) -> int:
    """Most bytes that a body sent to `path` may have."""
    path = path.removeprefix("/api")
    return max_upload_bytes if path.startswith(_UPLOADS) else MAX_JSON_BYTES


def declared_length(values: tuple[str, ...]) -> int | None:
    """The Content-Length, None when there is none; raises ValueError for a malformed or repeated one."""
    if not values:
        return None
    value, *others = values
    if others or not (value.isascii() and value.isdigit()):
        raise ValueError("malformed Content-Length")
    return int(value)


async def drain(receive: Receive, message: Message | None = None) -> None:
    """Forget the rest of a body, up to `DRAIN_BYTES` and `DRAIN_S`; `message` is its last piece."""
    room = DRAIN_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while room > 0 and (message is None or message.get("more_body", False)):
                message = await receive()
                room -= len(message.get("body", b""))


class LimitedBody:
    """A `receive` that raises HTTPException 413 for too much and 408 for too slow a body."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._taken = 0
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), BODY_IDLE_S)
        except TimeoutError as exc:
            raise HTTPException(408, "The request's body came too slowly; send it again.") from exc
        self._taken += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._taken > self._limit:
            await drain(self._receive, message)
            raise HTTPException(413, f"The request's body is larger than {self._limit} bytes.")
        return message
