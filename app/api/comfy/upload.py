"""POST /upload/image and /upload/mask: files from the editor into the input, output or temp folder."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError
from app.api.file_errors import as_api_error
from app.api.replies import empty, json_reply
from app.api.services import services_of
from app.files.beneath import open_file
from app.files.content_type import SNIFFED_BYTES, content_type, is_media
from app.files.errors import FileNotAvailable, FilesError, UnsafeName
from app.files.folders import DataFolders
from app.files.safe_names import relative_parts, safe_segment
from app.files.uploads import StoredFile, root_of, split_annotated, store_upload

router = APIRouter()

MAX_PARTS = 64
MAX_FIELD_BYTES = 64 * 1024

_decoding = CapacityLimiter(2)
"""A decoded picture may take 400 MB: at most two at a time."""


@dataclass(frozen=True, kw_only=True)
class _Upload:
    """The fields of an upload form; `name` is the bare file name."""

    name: str
    content: bytes
    folder_type: str
    subfolder: str
    overwrite: bool
    original_ref: str | None


@router.post("/upload/image")
async def upload_image(request: Request) -> Response:
    """Store a picture (or sound, or film) and say under which name."""
    return await _handle(request, _store_checked)


@router.post("/upload/mask")
async def upload_mask(request: Request) -> Response:
    """Store the picture `original_ref` with the alpha of the uploaded one."""
    return await _handle(request, _store_masked)


async def _handle(request: Request, store: Callable[[DataFolders, _Upload], StoredFile]) -> Response:
    form = await _form(request)
    try:
        upload = await _fields(form)
    finally:
        await form.close()
    if upload is None:
        return empty(400)
    try:
        stored = await to_thread.run_sync(store, services_of(request).folders, upload, limiter=_decoding)
    except FileNotAvailable as exc:
        raise as_api_error(UnsafeName("The subfolder leads out of its folder.")) from exc
    except FilesError as exc:
        raise as_api_error(exc) from exc
    return json_reply(request, {"name": stored.name, "subfolder": stored.subfolder, "type": stored.type})


async def _form(request: Request) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise ApiError(415, "not_multipart", "Send the file as multipart/form-data, in a field `image`.")
    try:
        return await request.form(max_files=MAX_PARTS, max_fields=MAX_PARTS, max_part_size=MAX_FIELD_BYTES)
    except HTTPException as exc:
        if exc.status_code != 400:
            raise
        raise ApiError(400, "bad_form", f"The form cannot be read: {exc.detail}.") from exc


async def _fields(form: FormData) -> _Upload | None:
    image = form.get("image")
    if not isinstance(image, UploadFile) or not image.filename:
        return None
    return _Upload(
        name=image.filename.replace("\\", "/").rpartition("/")[2],
        content=await image.read(),
        folder_type=_text(form, "type") or "input",
        subfolder=_text(form, "subfolder") or "",
        overwrite=(_text(form, "overwrite") or "").lower() in ("true", "1"),
        original_ref=_text(form, "original_ref"),
    )


def _text(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) else None


def _store_checked(folders: DataFolders, upload: _Upload) -> StoredFile:
    kind = content_type(upload.content[:SNIFFED_BYTES])
    if kind.startswith("image/") or not is_media(kind):
        from app.files.media_limits import open_picture  # Pillow: 50 ms that the start does not have

        open_picture(upload.content).close()
    return _store(folders, upload, upload.content)


def _store(folders: DataFolders, upload: _Upload, content: bytes) -> StoredFile:
    return store_upload(
        folders,
        name=upload.name,
        content=content,
        folder_type=upload.folder_type,
        subfolder=upload.subfolder,
        overwrite=upload.overwrite,
    )


def _store_masked(folders: DataFolders, upload: _Upload) -> StoredFile:
    from app.files.thumbnails import with_alpha_of  # Pillow: 50 ms that the start does not have

    root, parts = _original(folders, upload.original_ref)
    try:
        original = open_file(root, parts)
    except FileNotAvailable:  # ComfyUI answers as if all were well, and clients rely on the answer
        return StoredFile(
            name=safe_segment(upload.name),
            subfolder="/".join(relative_parts(upload.subfolder)),
            type=upload.folder_type,
        )
    with original:
        content = with_alpha_of(original, io.BytesIO(upload.content))
    return _store(folders, upload, content)


def _original(folders: DataFolders, reference: str | None) -> tuple[Path, tuple[str, ...]]:
    try:
        fields: object = json.loads(reference or "null")
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise UnsafeName("The field `original_ref` must hold a JSON object with `filename`.")
    named = cast("dict[str, object]", fields)
    name, folder_type = split_annotated(str(named.get("filename", "")), str(named.get("type", "output")))
    parts = relative_parts(name)
    if not parts:
        raise UnsafeName("The field `original_ref` names no file.")
    return root_of(folders, folder_type), (*relative_parts(str(named.get("subfolder", ""))), parts[-1])
