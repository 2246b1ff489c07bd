"""GET /api/v1/templates: the workflows that ship with the editor as starting points."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError
from app.api.replies import json_reply
from app.files.bundle import bundled

router = APIRouter(tags=["templates"])


class TemplateView(BaseModel):
    """A template's name (for its address), and what people read about it."""

    name: str
    title: str
    description: str


@cache
def _documents() -> dict[str, dict[str, Any]]:
    """Template documents by name; read once, they ship with the program."""
    folder: Path = bundled("static") / "templates"
    documents = {each.stem: json.loads(each.read_text(encoding="utf-8")) for each in folder.glob("*.json")}
    return dict(sorted(documents.items(), key=lambda item: item[1]["extra"]["template"]["order"]))


@router.get("/templates")
def templates() -> list[TemplateView]:
    """All templates, the simplest first."""
    return [
        TemplateView(
            name=name,
            title=document["extra"]["template"]["title"],
            description=document["extra"]["template"]["description"],
        )
        for name, document in _documents().items()
    ]


@router.get("/templates/{name}")
def template(request: Request, name: str) -> Response:
    """One template: a workflow document; its name may carry the suffix `.json`."""
    document = _documents().get(name.removesuffix(".json"))
    if document is None:
        known = ", ".join(_documents())
        raise ApiError(404, "unknown_template", f"There is no template {name[:100]!r}; known are {known}.")
    return json_reply(request, document)
