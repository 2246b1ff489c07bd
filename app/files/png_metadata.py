"""Text inside pictures: writes prompt and workflow into PNG files, reads them back; nodes and routes."""

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from PIL.PngImagePlugin import PngInfo

TEXT_LIMIT = 10 * 1024 * 1024
"""Most bytes of text, after inflation, that are read from one picture (security rule R10)."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK = struct.Struct(">I4s")


def png_text(prompt: Mapping[str, Any] | None, extra_pnginfo: Mapping[str, Any] | None = None) -> PngInfo:
    """tEXt chunks: `prompt`, then one per key of `extra_pnginfo` (usually `workflow`), each as ASCII JSON.

    Keys that PNG cannot hold (not Latin-1, longer than 79 bytes) are left out.
    """
    info = PngInfo()
    if prompt is not None:
        info.add_text("prompt", json.dumps(prompt))
    for key, value in (extra_pnginfo or {}).items():
        if _is_keyword(key):
            info.add_text(key, json.dumps(value))
    return info


def _is_keyword(key: str) -> bool:
    try:
        return 1 <= len(key.encode("latin-1")) <= 79 and key.isprintable()
    except UnicodeEncodeError:
        return False


def read_png_text(file: BinaryIO) -> dict[str, str]:
    """All text chunks (tEXt, zTXt, iTXt, comf) of a PNG by keyword; the first of a keyword wins.

    Broken or oversized chunks end the reading or are passed over; what was read so far is returned.
    """
    found: dict[str, str] = {}
    room = TEXT_LIMIT
    for kind, body in _text_chunks(file):
        entry = _entry(kind, body, room)
        if entry is None:
            continue
        key, text = entry
        room -= len(text)
        found.setdefault(key, text)
        if room <= 0:
            break
    return found


def _text_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    if file.read(8) != _SIGNATURE:
        return
    while len(head := file.read(8)) == 8:
        length, kind = _CHUNK.unpack(head)
        if kind == b"IEND" or length > 0x7FFF_FFFF:
            return
        if kind not in (b"tEXt", b"zTXt", b"iTXt", b"comf") or length > TEXT_LIMIT:
            file.seek(length + 4, 1)
            continue
        body = file.read(length)
        file.read(4)
        if len(body) == length:
            yield kind, body


def _entry(kind: bytes, body: bytes, room: int) -> tuple[str, str] | None:
    keyword, _, rest = body.partition(b"\0")
    key = keyword.decode("latin-1")
    if kind in (b"tEXt", b"comf"):
        return (key, _text(rest)) if len(rest) <= room else None
    if kind == b"zTXt":
        inflated = _inflate(rest[1:], room)
        return None if inflated is None else (key, _text(inflated))
    flags, rest = rest[:2], rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, rest = rest.partition(b"\0")
    content = _inflate(rest, room) if flags[:1] == b"\1" else rest
    return None if content is None or len(content) > room else (key, _text(content))


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _inflate(raw: bytes, room: int) -> bytes | None:
    engine = zlib.decompressobj()
    try:
        text = engine.decompress(raw, room)
    except zlib.error:
        return None
    return None if engine.unconsumed_tail else text
