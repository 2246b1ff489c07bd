"""Answers in the shapes that ComfyUI's clients read; used by the ComfyUI-compatible routes."""

import json
import math
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

EDITOR_HEADER = "x-comfy-creator"
"""Our own editor sends `x-comfy-creator: 1`: a browser's JSON.parse refuses NaN, Python's clients want it."""


def json_reply(request: Request, value: Any, status: int = 200) -> Response:
    """`value` as JSON. NaN and infinities go out as such, to our own editor as null."""
    for_editor = request.headers.get(EDITOR_HEADER) == "1"
    text = json.dumps(_finite(value) if for_editor else value, separators=(",", ":"), ensure_ascii=False)
    return Response(
        text.encode("utf-8", "replace"), status_code=status, media_type="application/json; charset=utf-8"
    )


def empty(status: int = 200) -> Response:
    """An answer without a body."""
    return Response(status_code=status)


def text_reply(text: str, status: int) -> Response:
    """A plain sentence, as the user data routes give it."""
    return Response(text, status_code=status, media_type="text/plain; charset=utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in cast("list[Any]", value)]
    return value
