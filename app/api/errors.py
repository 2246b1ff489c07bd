"""Errors on the wire: one JSON shape of our own, and ComfyUI's shape for refused prompts."""

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.store.errors import StoreError

_log = logging.getLogger(__name__)


class ErrorView(BaseModel):
    """What went wrong: `code` is stable, `message` a sentence for people. Some codes bring further fields."""

    model_config = ConfigDict(extra="allow")

    code: str
    message: str
    request_id: str | None


class ErrorReply(BaseModel):
    """Every error of our own API."""

    error: ErrorView


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorReply, "description": "The access token is missing or wrong"},
    403: {"model": ErrorReply, "description": "The request comes from a page that may not send it"},
    404: {"model": ErrorReply, "description": "There is no such thing"},
    422: {"model": ErrorReply, "description": "A parameter is not what this route takes"},
    503: {"model": ErrorReply, "description": "The database refuses; try again later"},
}
"""Answers that any route of our own API may give, for its OpenAPI document."""


class ApiError(Exception):
    """A request that is answered with an error. `code` is stable, `message` a sentence for people."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})


def error_response(request: Request, error: ApiError) -> Response:
    """The error's JSON: {"error": {"code", "message", "request_id", ...}}."""
    request_id = getattr(request.state, "request_id", None)
    body = {"code": error.code, "message": error.message, "request_id": request_id, **error.fields}
    return JSONResponse(
        {"error": body},
        status_code=error.status,
        headers=error.headers,
        media_type="application/json; charset=utf-8",
    )


def on_api_error(request: Request, error: Exception) -> Response:
    """Exception handler for ApiError."""
    assert isinstance(error, ApiError)  # noqa: S101  registered for this type only
    return error_response(request, error)


def on_store_error(request: Request, error: Exception) -> Response:
    """Exception handler for a database that refuses: nothing was changed, the client may try again."""
    assert isinstance(error, StoreError)  # noqa: S101  registered for this type only
    _log.error("%s", error)
    message = (
        "The server cannot write to its database (is the disk full, or does another program hold the file?): "
        "nothing was changed, try again later."
    )
    return error_response(request, ApiError(503, "store_unavailable", message, headers={"Retry-After": "5"}))


def on_http_error(request: Request, error: Exception) -> Response:
    """Exception handler for the framework's own refusals (unknown route, wrong method)."""
    assert isinstance(error, HTTPException)  # noqa: S101  registered for this type only
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    return error_response(
        request, ApiError(error.status_code, code, f"{error.detail}.", headers=error.headers)
    )


def on_crash(request: Request, error: Exception) -> Response:
    """Exception handler for everything unforeseen: the details are in the log."""
    _log.error("Request to %s failed", request.url.path, exc_info=error)
    return error_response(request, ApiError(500, "internal_error", "The server made a mistake; see its log."))
