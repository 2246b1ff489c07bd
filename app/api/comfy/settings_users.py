"""/settings and /users: the editor's settings, and the one user that this server has."""

from typing import Any, cast

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.errors import ApiError
from app.api.file_errors import as_api_error
from app.api.replies import empty, json_reply
from app.api.services import services_of
from app.files.errors import FilesError
from app.files.settings_file import merge_settings, read_settings
from app.files.user_files import DEFAULT_USER, user_root

router = APIRouter()


@router.get("/users")
def users(request: Request) -> Response:
    """How users are kept: one user, on the server."""
    migrated = (services_of(request).folders.user / DEFAULT_USER).is_dir()
    return json_reply(request, {"storage": "server", "migrated": migrated})


@router.post("/users")
def add_user(request: Request) -> Response:
    """Refused: this server has one user."""
    return json_reply(request, {"error": "This server has one user; no other can be added."}, 400)


@router.get("/settings")
def settings(request: Request) -> Response:
    """All settings."""
    return json_reply(request, read_settings(user_root(services_of(request).folders)))


@router.get("/settings/{setting:path}")
def setting(request: Request, setting: str) -> Response:
    """One setting's value; null when it was never set."""
    return json_reply(request, read_settings(user_root(services_of(request).folders)).get(setting))


@router.post("/settings")
async def change_settings(request: Request) -> Response:
    """Set the settings in the body and keep all others."""
    changes: object = await read_json(request)
    if not isinstance(changes, dict):
        raise ApiError(400, "invalid_settings", "Settings are a JSON object of names and values.")
    return await _merge(request, cast("dict[str, Any]", changes))


@router.post("/settings/{setting:path}")
async def change_setting(request: Request, setting: str) -> Response:
    """Set one setting to the JSON value in the body."""
    return await _merge(request, {setting: await read_json(request)})


async def _merge(request: Request, changes: dict[str, Any]) -> Response:
    try:
        await to_thread.run_sync(merge_settings, user_root(services_of(request).folders), changes)
    except FilesError as exc:
        raise as_api_error(exc) from exc
    return empty()
