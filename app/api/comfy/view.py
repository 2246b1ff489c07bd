"""GET /view: pictures and other files from the input, output and temp folders."""

import io
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.file_errors import as_api_error
from app.api.file_reply import disposition, file_reply
from app.api.replies import empty
from app.api.services import services_of
from app.files.beneath import open_file
from app.files.errors import FileNotAvailable, MediaRefused, UnsafeName
from app.files.safe_names import relative_parts, safe_segment
from app.files.uploads import root_of, split_annotated

if TYPE_CHECKING:
    from app.files.thumbnails import Converted

router = APIRouter()

_decoding = CapacityLimiter(2)
"""A decoded picture may take 400 MB: at most two at a time."""

_Convert = Callable[[io.BufferedReader], "Converted"]


@router.get("/view")
async def view(
    request: Request,
    filename: str | None = None,
    type: str = "output",
    subfolder: str = "",
    preview: str | None = None,
    channel: str = "rgba",
) -> Response:
    """A file as it is, or converted: `preview=webp;90`, `channel=rgb` or `channel=a`."""
    if filename is None:
        return empty(404)
    try:
        name, folder_type = _name_and_type(filename, type)
        root = root_of(services_of(request).folders, folder_type)
    except UnsafeName:
        return empty(400)
    try:
        folder = relative_parts(subfolder)
    except UnsafeName:
        return empty(403)
    try:
        file = await to_thread.run_sync(open_file, root, (*folder, name))
    except FileNotAvailable:
        return empty(404)
    convert = _conversion(preview, channel, "channel" in request.query_params)
    if convert is None:
        return await file_reply(request, file, name)
    return await _converted(request, file, name, convert)


def _name_and_type(filename: str, default_type: str) -> tuple[str, str]:
    name, folder_type = split_annotated(filename, default_type)
    if not name or name.startswith(("/", "\\")) or ".." in name:
        raise UnsafeName("The file name is empty or leads out of its folder.")
    return safe_segment(name.replace("\\", "/").rpartition("/")[2]), folder_type


def _conversion(preview: str | None, channel: str, channel_given: bool) -> _Convert | None:
    if preview is None and channel not in ("rgb", "a"):
        return None
    from app.files import thumbnails  # Pillow takes 50 ms that the start of the server does not have

    if preview is not None:
        image_format, quality = _format_and_quality(preview)
        if channel_given and "a" in channel:
            image_format = "webp"
        return partial(
            thumbnails.preview,
            image_format="jpeg" if image_format == "jpeg" else "webp",
            quality=quality,
            rgb=channel == "rgb",
        )
    return thumbnails.without_alpha if channel == "rgb" else thumbnails.only_alpha


def _format_and_quality(preview: str) -> tuple[str, int]:
    image_format, _, quality = preview.partition(";")
    if not (quality.isascii() and quality.isdigit() and len(quality) < 4):
        return image_format, 90
    return image_format, min(max(int(quality), 1), 100)


async def _converted(request: Request, file: io.BufferedReader, name: str, convert: _Convert) -> Response:
    def work() -> "Converted":
        with file:
            return convert(file)

    try:
        picture = await to_thread.run_sync(work, limiter=_decoding)
    except MediaRefused as exc:
        raise as_api_error(exc) from exc
    return Response(
        picture.content,
        media_type=picture.content_type,
        headers={"Content-Disposition": disposition("", name)},
    )
