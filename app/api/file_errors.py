"""Turns what went wrong with a file into an error on the wire; used by the file routes."""

from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError, error_response
from app.files.errors import (
    BrokenMedia,
    FileNotAvailable,
    FilesError,
    MediaRefused,
    MediaTooLarge,
    OutOfDiskSpace,
    UnsafeName,
    UnsupportedMedia,
)

_STATUS: tuple[tuple[type[FilesError], int], ...] = (
    (UnsupportedMedia, 415),
    (MediaTooLarge, 413),
    (BrokenMedia, 422),
    (MediaRefused, 422),
    (FileNotAvailable, 404),
    (UnsafeName, 400),
    (OutOfDiskSpace, 503),
)


def as_api_error(error: FilesError) -> ApiError:
    """The status, code and sentence for a file error."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
    headers = {"Retry-After": "60"} if status == 503 else {}
    return ApiError(status, error.code, str(error), headers=headers)


def on_files_error(request: Request, error: Exception) -> Response:
    """Exception handler for FilesError."""
    assert isinstance(error, FilesError)  # noqa: S101  registered for this type only
    return error_response(request, as_api_error(error))
