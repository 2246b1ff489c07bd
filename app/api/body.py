"""Reads JSON bodies as clients of ComfyUI send them: whatever the Content-Type says, within hard limits."""

import asyncio
import json
import math
from typing import Any, NoReturn

from starlette.requests import Request

from app.api.errors import ApiError

JSON_LIMIT = 10_000_000
"""Bytes of a JSON body."""

DEEPEST = 64
"""Levels of nesting."""

LONGEST_STRING = 1_000_000
"""Characters of one string."""

LARGEST_INTEGER = 2**64 - 1
SMALLEST_INTEGER = -(2**63)

_IN_PLACE = 20_000
"""Bodies up to this many bytes are parsed in well under a millisecond, without a thread."""


class _Refused(ValueError):
    """The text is JSON of a kind that is not taken."""


async def read_json(request: Request, *, limit: int = JSON_LIMIT, empty: Any = None) -> Any:
    """The body as JSON; `empty` stands for an empty body.

    Raises ApiError 413 over `limit` bytes and 400 for anything that is not plain, finite, shallow UTF-8 JSON.
    """
    body = await _read(request, limit)
    if not body.strip():
        if empty is not None:
            return empty
        raise ApiError(400, "invalid_json", "The body is empty: send JSON.")
    try:
        if len(body) <= _IN_PLACE:
            return parse_json(body)
        return await asyncio.to_thread(parse_json, body)
    except (ValueError, RecursionError) as exc:
        reason = "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)
        raise ApiError(
            400, "invalid_json", f"The body is not JSON that this server takes: {reason}."
        ) from exc


def parse_json(body: bytes) -> Any:
    """Parse UTF-8 JSON; ValueError or RecursionError for anything out of the limits above."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise _Refused(f"byte {exc.start} is not UTF-8") from exc
    value = json.loads(
        text,
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_float=_float,
        parse_constant=_constant,
    )
    _check_shape(value)
    return value


async def _read(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> ApiError:
    return ApiError(413, "body_too_large", f"The JSON body is larger than {limit} bytes.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Refused(f"the key '{twice[:100]}' occurs twice in one object")
    return found


def _integer(text: str) -> int:
    if len(text) <= 20 and SMALLEST_INTEGER <= (value := int(text)) <= LARGEST_INTEGER:
        return value
    raise _Refused(f"the integer {text[:24]}... has more than 64 bits")


def _float(text: str) -> float:
    value = float(text)
    if math.isfinite(value):
        return value
    raise _Refused(f"the number {text[:24]} is not finite")


def _constant(text: str) -> NoReturn:
    raise _Refused(f"{text} is not JSON")


def _check_shape(value: Any) -> None:
    """Walk without recursion: nesting, string lengths, characters that cannot be written as UTF-8."""
    level: list[Any] = [value]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, str):
                _check_string(each)
            elif isinstance(each, dict):
                for key in each:  # pyright: ignore[reportUnknownVariableType]
                    _check_string(key)  # pyright: ignore[reportUnknownArgumentType]
                inner.extend(each.values())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            elif isinstance(each, list):
                inner.extend(each)  # pyright: ignore[reportUnknownArgumentType]
        if not inner:
            return
        level = inner
    raise _Refused(f"it is nested more than {DEEPEST} levels deep")


def _check_string(text: str) -> None:
    if len(text) > LONGEST_STRING:
        raise _Refused(f"a string is longer than {LONGEST_STRING} characters")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as exc:
            raise _Refused("a string has half of a surrogate pair") from exc
