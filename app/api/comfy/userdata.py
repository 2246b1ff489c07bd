"""/userdata and /v2/userdata: workflows and other documents that the editor keeps on the server.

A whole relative path travels as one URL segment (`workflows%2Fa.json`). The framework decodes paths before it
routes, so these routes split the undecoded path themselves.
"""

from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.file_errors import as_api_error
from app.api.file_reply import file_reply
from app.api.replies import empty, json_reply, text_reply
from app.api.services import services_of
from app.files.beneath import open_file, remove_file, write_file
from app.files.errors import EscapingName, FileNotAvailable, OutOfDiskSpace, UnsafeName
from app.files.safe_names import relative_parts
from app.files.user_files import UserFile, describe, listing, move_file, user_root

router = APIRouter()

_TRUE = ("true", "1", "yes")


@router.get("/userdata")
def list_files(request: Request) -> Response:
    """Files below `dir`: names; with `full_info` sizes and times, with `split` also the path's parts."""
    query = request.query_params
    directory = query.get("dir", "")
    if not directory:
        return text_reply("Name a directory with ?dir=.", 400)
    try:
        found = listing(
            user_root(services_of(request).folders),
            relative_parts(directory),
            recurse=query.get("recurse", "").lower() in _TRUE,
        )
    except UnsafeName as exc:
        return text_reply(str(exc), 403)
    except FileNotAvailable:
        return text_reply("There is no such directory.", 404)
    files = [each for each in found if not each.is_folder]
    if query.get("full_info", "").lower() in _TRUE:
        return json_reply(request, [_info(each) for each in files])
    if query.get("split", "").lower() in _TRUE:
        return json_reply(request, [[each.path, *each.path.split("/")] for each in files])
    return json_reply(request, [each.path for each in files])


@router.get("/v2/userdata")
def list_tree(request: Request) -> Response:
    """Everything below `path`: folders first, then files, each by name."""
    services = services_of(request)
    path = request.query_params.get("path", "")
    root = services.folders.user / "default"
    if not path and not root.is_dir():
        return json_reply(request, [])
    try:
        parts = relative_parts(path)
        found = listing(root, parts, recurse=True)
    except UnsafeName as exc:
        return text_reply(str(exc), 400)
    except FileNotAvailable:
        return text_reply(*_why_no_folder(request, path))
    prefix = "".join(f"{each}/" for each in parts)
    found.sort(key=lambda each: (not each.is_folder, each.name.lower(), each.path))
    return json_reply(request, [_entry(each, prefix) for each in found])


def _why_no_folder(request: Request, path: str) -> tuple[str, int]:
    try:
        describe(user_root(services_of(request).folders), relative_parts(path))
    except FileNotAvailable:
        return "There is no such directory.", 404
    return "That is a file, not a directory.", 400


def _entry(file: UserFile, prefix: str) -> dict[str, Any]:
    entry = {"name": file.name, "path": prefix + file.path}
    if file.is_folder:
        return {**entry, "type": "directory"}
    return {**entry, "type": "file", "size": file.size, "modified": file.modified}


@router.get("/userdata/{file:path}")
async def read_file(request: Request) -> Response:
    """One file."""
    try:
        parts = _one_path(request)
        file = await to_thread.run_sync(open_file, user_root(services_of(request).folders), parts)
    except EscapingName as exc:
        return text_reply(str(exc), 403)
    except (UnsafeName, FileNotAvailable):
        return empty(404)
    is_json = parts[-1].lower().endswith(".json")
    return await file_reply(
        request, file, parts[-1], text_type="application/json; charset=utf-8" if is_json else None
    )


@router.post("/userdata/{file:path}/move/{dest:path}")
@router.post("/userdata/{file:path}")
async def write_or_move(request: Request) -> Response:
    """Save the body as a file, or, for `/userdata/{file}/move/{dest}`, rename a file."""
    segments = _segments(request)
    overwrite = request.query_params.get("overwrite", "true").lower() != "false"
    root = user_root(services_of(request).folders)
    try:
        if len(segments) == 3 and segments[1] == "move":
            target = _parts(segments[2])
            await to_thread.run_sync(_move, root, _parts(segments[0]), target, overwrite)
        else:
            target = _one_path(request)
            body = await request.body()
            await to_thread.run_sync(_write, root, target, body, overwrite)
        return await to_thread.run_sync(_saved, request, root, target)
    except EscapingName as exc:
        return text_reply(str(exc), 403)
    except UnsafeName as exc:
        return text_reply(str(exc), 400)
    except FileNotAvailable:
        return empty(404)
    except FileExistsError:
        return text_reply("A file of that name exists; send overwrite=true to replace it.", 409)
    except OutOfDiskSpace as exc:
        raise as_api_error(exc) from exc


@router.delete("/userdata/{file:path}")
def delete_file(request: Request) -> Response:
    """Remove one file."""
    try:
        remove_file(user_root(services_of(request).folders), _one_path(request))
    except EscapingName as exc:
        return text_reply(str(exc), 403)
    except (UnsafeName, FileNotAvailable):
        return empty(404)
    return empty(204)


def _saved(request: Request, root: Path, parts: tuple[str, ...]) -> Response:
    if request.query_params.get("full_info", "").lower() in _TRUE:
        return json_reply(request, _info(describe(root, parts)))
    return json_reply(request, "/".join(parts))


def _write(root: Path, parts: tuple[str, ...], body: bytes, overwrite: bool) -> None:
    write_file(root, parts, body, overwrite=overwrite)


def _move(root: Path, source: tuple[str, ...], target: tuple[str, ...], overwrite: bool) -> None:
    move_file(root, source, target, overwrite=overwrite)


def _info(file: UserFile) -> dict[str, Any]:
    return {"path": file.path, "size": file.size, "modified": file.modified, "created": file.created}


def _segments(request: Request) -> list[str]:
    """The undecoded path after `/userdata/`, split at real slashes, each segment then decoded."""
    raw: bytes = request.scope["raw_path"].partition(b"?")[0]
    rest = raw.partition(b"/userdata/")[2]
    try:
        return [unquote_to_bytes(each).decode("utf-8") for each in rest.split(b"/")]
    except UnicodeDecodeError as exc:
        raise UnsafeName("The file name is not UTF-8.") from exc


def _one_path(request: Request) -> tuple[str, ...]:
    return _parts("/".join(_segments(request)))


def _parts(text: str) -> tuple[str, ...]:
    parts = relative_parts(text)
    if not parts:
        raise UnsafeName("Name a file.")
    return parts
