"""GET /api/v1/docs: a page that shows the OpenAPI document; script and style come from this server alone."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.api.errors import ApiError
from app.files.bundle import bundled

router = APIRouter(include_in_schema=False)

_FILES = {
    "docs.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
}


@router.get("/docs")
async def docs_page(request: Request) -> Response:
    """The page itself."""
    return FileResponse(bundled("static") / "docs" / "index.html", headers={"Cache-Control": "no-cache"})


@router.get("/docs/{name}")
async def docs_file(request: Request, name: str) -> Response:
    """The page's script and style."""
    if name not in _FILES:
        raise ApiError(404, "not_found", "There is no such file.")
    return FileResponse(bundled("static") / "docs" / name, media_type=_FILES[name])
