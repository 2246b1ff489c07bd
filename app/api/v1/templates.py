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
    thumbnail: str | None
    """Address of a small picture of what it makes, from the server's root on."""


@cache
def _documents() -> dict[str, dict[str, Any]]:
    """Template documents by name; read once, they ship with the program."""
    files = _folder().glob("*.json")
    documents = {each.stem: json.loads(each.read_text(encoding="utf-8")) for each in files}
    return dict(sorted(documents.items(), key=lambda item: item[1]["extra"]["template"]["order"]))


@cache
def _pictures() -> dict[str, bytes]:
    """Pictures by the name of their template, as WebP."""
    return {each.stem: each.read_bytes() for each in _folder().glob("*.webp")}


def _folder() -> Path:
    return bundled("static") / "templates"


@router.get("/templates")
def templates() -> list[TemplateView]:
    """All templates, the simplest first."""
    return [
        TemplateView(
            name=name,
            title=document["extra"]["template"]["title"],
            description=document["extra"]["template"]["description"],
            thumbnail=f"/api/v1/templates/{name}/picture" if name in _pictures() else None,
        )
        for name, document in _documents().items()
    ]


@router.get("/templates/{name}")
def template(request: Request, name: str) -> Response:
    """One template: a workflow document; its name may carry the suffix `.json`."""
    document = _documents().get(name.removesuffix(".json"))
    if document is None:
        raise _unknown(name)
    return json_reply(request, document)


@router.get(
    "/templates/{name}/picture",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}, "description": "The picture"}},
)
def template_picture(name: str) -> Response:
    """A small picture of what a template makes."""
    picture = _pictures().get(name)
    if picture is None:
        raise _unknown(name)
    return Response(picture, media_type="image/webp", headers={"Cache-Control": "max-age=3600"})


def _unknown(name: str) -> ApiError:
    known = ", ".join(_documents())
    return ApiError(404, "unknown_template", f"There is no template {name[:100]!r}; known are {known}.")
