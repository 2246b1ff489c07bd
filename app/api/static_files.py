"""Serves the built editor; mounted last, so that every path that no route owns ends here."""

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from app.api.services import Services
from app.files.bundle import bundled
from app.files.errors import FilesError
from app.files.safe_names import contained, relative_parts

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""Types by suffix; files of the editor with other suffixes (source maps) are not served."""

_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_A_DAY = {"Cache-Control": "private, max-age=86400"}
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Comfy Creator</title></head>
<body><h1>The server runs, the editor is not built</h1>
<p>Run <code>make frontend</code> in the checkout and reload this page.
The routes are described under <a href="/api/v1/docs">/api/v1/docs</a>.</p></body></html>
"""


def mount(app: FastAPI, services: Services) -> None:
    """Add the page and its files; call it after every other route."""
    root = bundled("frontend_dist")

    async def page(request: Request) -> Response:
        """The editor."""
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT, headers={"Cache-Control": "no-store"})
        return FileResponse(index, media_type=_TYPES[".html"], headers={"Cache-Control": "no-cache"})

    async def file(request: Request) -> Response:
        """A file of the editor."""
        path = editor_file(root, request.path_params["path"])
        if path is None:
            raise HTTPException(404, "There is no such page")
        kept = _FOREVER if "assets" in path.relative_to(root.resolve()).parts[:-1] else None
        return FileResponse(path, media_type=_TYPES[path.suffix], headers=kept)

    async def favicon(request: Request) -> Response:
        """The picture on the browser's tab."""
        return FileResponse(bundled("static") / "favicon.png", media_type="image/png", headers=_A_DAY)

    app.add_route("/favicon.ico", favicon, methods=["GET"], include_in_schema=False)
    app.add_route("/", page, methods=["GET"], include_in_schema=False)
    app.add_route("/{path:path}", file, methods=["GET"], include_in_schema=False)


def editor_file(root: Path, name: str) -> Path | None:
    """The editor's file that `name` stands for; None when there is none or it must not be served."""
    try:
        parts = relative_parts(name)
        path = contained(root, parts)
    except FilesError:
        return None
    hidden = any(each.startswith(".") for each in parts)
    return path if path.is_file() and path.suffix in _TYPES and not hidden else None
