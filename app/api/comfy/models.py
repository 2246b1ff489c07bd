"""Model folders over HTTP: /models, /experiment/models, /embeddings and /view_metadata."""

import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.replies import empty, json_reply
from app.api.services import services_of
from app.files.errors import FileNotAvailable, FilesError
from app.files.model_folders import ModelFile, ModelFolders

router = APIRouter()

MAX_HEADER_BYTES = 1024 * 1024
PREVIEW_SIDE = 512
_NOT_MODELS = ("configs", "custom_nodes")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")


def _folders(request: Request) -> ModelFolders:
    return services_of(request).folders.models


@router.get("/models")
def folder_keys(request: Request) -> Response:
    """The model folder keys."""
    return json_reply(request, list(_folders(request).keys))


@router.get("/models/{folder}")
def model_names(request: Request, folder: str) -> Response:
    """Names of the model files of one key; 404 for an unknown key."""
    models = _folders(request)
    return json_reply(request, models.list(folder)) if folder in models.keys else empty(404)


@router.get("/embeddings")
def embedding_names(request: Request) -> Response:
    """Names of the text embeddings, without suffix."""
    names = _folders(request).list("embeddings")
    return json_reply(request, [name.rpartition(".")[0] for name in names])


@router.get("/experiment/models")
def folder_paths(request: Request) -> Response:
    """The model folder keys with their search folders."""
    models = _folders(request)
    keys = [key for key in models.keys if key not in _NOT_MODELS]
    return json_reply(
        request, [{"name": key, "folders": [str(each) for each in models.folders(key)]} for key in keys]
    )


@router.get("/experiment/models/{folder}")
def model_files(request: Request, folder: str) -> Response:
    """The model files of one key with sizes and times; 404 for an unknown key."""
    models = _folders(request)
    if folder not in models.keys:
        return empty(404)
    return json_reply(request, list(_described(models.files(folder))))


def _described(files: list[ModelFile]) -> Iterator[dict[str, Any]]:
    for file in files:
        try:
            status = file.path.stat()
        except OSError:
            continue
        yield {
            "name": file.name,
            "pathIndex": file.folder_index,
            "modified": status.st_mtime,
            "created": status.st_ctime,
            "size": status.st_size,
        }


@router.get("/experiment/models/preview/{folder}/{path_index}/{filename:path}")
def model_preview(request: Request, folder: str, path_index: str, filename: str) -> Response:
    """The picture that lies beside a model file, or inside it, as WebP; 404 without one."""
    from app.files.thumbnails import shrunken  # Pillow takes 50 ms that the start of the server does not have

    models = _folders(request)
    try:
        path = _in_folder(models, folder, path_index, filename)
        source = next(_pictures_of(models, folder, path), None)
        if source is None:
            return empty(404)
        with source:
            picture = shrunken(source, PREVIEW_SIDE)
    except (FilesError, OSError, ValueError):
        return empty(404)
    return Response(picture.content, media_type=picture.content_type)


def _in_folder(models: ModelFolders, folder: str, path_index: str, filename: str) -> Path:
    path = models.resolve(folder, filename)
    roots = models.folders(folder)
    if not (path_index.isascii() and path_index.isdigit() and int(path_index) < len(roots)):
        raise FileNotAvailable("There is no search folder of that number.")
    if not path.is_relative_to(roots[int(path_index)].absolute()):
        raise FileNotAvailable("The file lies in another search folder.")
    return path


def _pictures_of(models: ModelFolders, folder: str, path: Path) -> Iterator[BinaryIO]:
    root = next(each.absolute() for each in models.folders(folder) if path.is_relative_to(each.absolute()))
    for suffix in (*(f".preview{each}" for each in _PICTURES), *_PICTURES):
        beside = path.with_name(path.stem + suffix)
        if beside.is_file() and beside.resolve().is_relative_to(root.resolve()):
            yield beside.open("rb")
    yield from _pictures_inside(path)


def _pictures_inside(path: Path) -> Iterator[io.BytesIO]:
    import base64

    metadata = _header_metadata(path) or {}
    try:
        covers = json.loads(str(metadata.get("ssmd_cover_images") or "[]"))
    except ValueError:
        return
    if isinstance(covers, list) and covers:
        encoded = str(cast("list[Any]", covers)[0]).rpartition(",")[2]
        yield io.BytesIO(base64.b64decode(encoded, validate=True))


@router.get("/view_metadata/{folder}")
def model_metadata(request: Request, folder: str, filename: str | None = None) -> Response:
    """What a safetensors file says about itself; 404 when it says nothing or is no such file."""
    models = _folders(request)
    if folder not in models.keys or not filename or not filename.endswith(".safetensors"):
        return empty(404)
    try:
        metadata = _header_metadata(models.resolve(folder, filename))
    except FilesError:
        return empty(404)
    return empty(404) if metadata is None else json_reply(request, metadata)


def _header_metadata(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            start = file.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 0 < size <= MAX_HEADER_BYTES:
                return None
            header: object = json.loads(file.read(size))
    except (OSError, ValueError, RecursionError):
        return None
    metadata = cast("dict[str, Any]", header).get("__metadata__") if isinstance(header, dict) else None
    return cast("dict[str, Any]", metadata) if isinstance(metadata, dict) else None
