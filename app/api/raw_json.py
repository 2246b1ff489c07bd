"""Builds JSON replies around documents that are stored as JSON text, without parsing them again."""

import json
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response


class RawJsonResponse(Response):
    """A reply whose body is JSON text already."""

    media_type = "application/json; charset=utf-8"


def encoded(value: Any) -> str:
    """A value as JSON text."""
    return json.dumps(value)


def array(elements: Iterable[str]) -> str:
    """A JSON array of JSON texts."""
    return "[" + ",".join(elements) + "]"


def object_(members: Iterable[tuple[str, str]]) -> str:
    """A JSON object of names and JSON texts."""
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members) + "}"
