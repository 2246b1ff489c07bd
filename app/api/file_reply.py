"""Sends an open file: ranges, validators, and content types that cannot hurt the page; for file routes."""

import io
import os
import re
from collections.abc import AsyncIterator
from email.utils import formatdate
from urllib.parse import quote

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.files.content_type import PLAIN, SNIFFED_BYTES, SVG, content_type, is_media

_PIECE = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_SEALED = "sandbox; default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src data:"


async def file_reply(
    request: Request, file: io.BufferedReader, name: str, *, text_type: str | None = None
) -> Response:
    """The content of `file` under the file name `name`; closes `file` when it is sent.

    Pictures, sound and film are shown in the page, SVG only inside <img>; all else is a download, unless the
    caller knows that it is `text_type`.
    """
    status = os.fstat(file.fileno())
    etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    modified = formatdate(status.st_mtime, usegmt=True)
    headers = {"ETag": etag, "Last-Modified": modified, "Accept-Ranges": "bytes"}
    if _unchanged(request, etag, modified):
        file.close()
        return Response(status_code=304, headers=headers)
    head = await to_thread.run_sync(_head, file)
    headers |= content_headers(request, head, name, text_type=text_type)
    wanted = _wanted_range(request, etag, modified, status.st_size)
    if wanted is None:
        file.close()
        return Response(status_code=416, headers={"Content-Range": f"bytes */{status.st_size}"})
    first, count, partial = wanted
    headers["Content-Length"] = str(count)
    if partial:
        headers["Content-Range"] = f"bytes {first}-{first + count - 1}/{status.st_size}"
    return StreamingResponse(
        _pieces(file, first, count), status_code=206 if partial else 200, headers=headers
    )


def content_headers(
    request: Request, head: bytes, name: str, *, text_type: str | None = None
) -> dict[str, str]:
    """Content-Type and Content-Disposition of a file that begins with `head`, and what keeps it harmless."""
    kind = content_type(head)
    if is_media(kind):
        return {"Content-Type": kind, "Content-Disposition": disposition("", name)}
    if kind == SVG and request.headers.get("sec-fetch-dest") == "image":
        return {
            "Content-Type": SVG,
            "Content-Disposition": disposition("inline", name),
            "Content-Security-Policy": _SEALED,
            "Cache-Control": "no-store",
            "Vary": "Sec-Fetch-Dest",
        }
    sealed = {"Content-Security-Policy": _SEALED}
    if text_type is not None:
        return {"Content-Type": text_type, "Content-Disposition": disposition("inline", name), **sealed}
    return {"Content-Type": PLAIN, "Content-Disposition": disposition("attachment", name), **sealed}


def disposition(kind: str, name: str) -> str:
    """A Content-Disposition value after RFC 6266: a plain name, and an encoded one where needed.

    ComfyUI's clients know pictures without a kind ("inline" or "attachment"): browsers show them in the page.
    """
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    value = f'{kind}; filename="{plain}"' if kind else f'filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def _head(file: io.BufferedReader) -> bytes:
    head = file.read(SNIFFED_BYTES)
    file.seek(0)
    return head


def _unchanged(request: Request, etag: str, modified: str) -> bool:
    known = request.headers.get("if-none-match")
    if known is not None:
        return known == "*" or etag in (each.strip().removeprefix("W/") for each in known.split(",")[:50])
    return request.headers.get("if-modified-since") == modified


def _wanted_range(request: Request, etag: str, modified: str, size: int) -> tuple[int, int, bool] | None:
    """First byte, count, and whether it is a part; None for a range outside the file.

    Several ranges in one request are answered with the whole file, as the standard allows.
    """
    header = request.headers.get("range", "").strip()
    match = _RANGE.fullmatch(header)
    if match is None or request.headers.get("if-range", etag) not in (etag, modified):
        return 0, size, False
    start, end = match.groups()
    if not start and not end:
        return 0, size, False
    if not start:
        count = min(int(end), size)
        return (size - count, count, True) if count else None
    first, last = int(start), min(int(end) if end else size - 1, size - 1)
    if end and int(end) < first:
        return 0, size, False
    return (first, last - first + 1, True) if first < size else None


async def _pieces(file: io.BufferedReader, first: int, count: int) -> AsyncIterator[bytes]:
    try:
        file.seek(first)
        while count > 0:
            piece = await to_thread.run_sync(file.read, min(_PIECE, count))
            if not piece:
                return  # the file shrank
            count -= len(piece)
            yield piece
    finally:
        file.close()
