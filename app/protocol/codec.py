"""Length-prefixed msgpack frames: how commands and events cross the channel between processes."""

import asyncio
import socket
import struct

import msgspec

from app.protocol.commands import Command
from app.protocol.events import Event

FRAME_LIMIT = 64 * 1024 * 1024
"""Largest frame in bytes; a longer one means a broken peer, not a big message."""

_HEADER = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_commands = msgspec.msgpack.Decoder(Command)
_events = msgspec.msgpack.Decoder(Event)


class BrokenFrame(Exception):
    """The bytes on the channel are not a message of this protocol."""


def encode(message: Command | Event) -> bytes:
    """One frame: four bytes of big-endian length, then msgpack."""
    body = _encoder.encode(message)
    if len(body) > FRAME_LIMIT:
        raise BrokenFrame(f"message of {len(body)} bytes exceeds the frame limit of {FRAME_LIMIT}")
    return _HEADER.pack(len(body)) + body


def decode_command(body: bytes) -> Command:
    """The command in a frame's body; raises BrokenFrame."""
    try:
        return _commands.decode(body)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise BrokenFrame(f"not a command: {exc}") from exc


def decode_event(body: bytes) -> Event:
    """The event in a frame's body; raises BrokenFrame."""
    try:
        return _events.decode(body)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise BrokenFrame(f"not an event: {exc}") from exc


def _length(header: bytes) -> int:
    (length,) = _HEADER.unpack(header)
    if length > FRAME_LIMIT:
        raise BrokenFrame(f"frame of {length} bytes announced, the limit is {FRAME_LIMIT}")
    return int(length)


async def read_body(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame's body, or None when the peer closed between frames."""
    try:
        header = await reader.readexactly(_HEADER.size)
        return await reader.readexactly(_length(header))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def receive_body(channel: socket.socket) -> bytes | None:
    """Blocking twin of `read_body` for threads."""
    header = _receive_exactly(channel, _HEADER.size)
    return None if header is None else _receive_exactly(channel, _length(header))


def _receive_exactly(channel: socket.socket, count: int) -> bytes | None:
    buffer = bytearray()
    while len(buffer) < count:
        try:
            chunk = channel.recv(min(count - len(buffer), 1 << 20))
        except ConnectionError:
            return None
        if not chunk:
            return None
        buffer += chunk
    return bytes(buffer)
