"""The web application: routes, error shapes, the door; made by wiring."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api import auth, errors, file_errors, health, static_files
from app.api.comfy import (
    history,
    internal,
    models,
    object_info,
    prompt,
    queue,
    settings_users,
    system,
    upload,
    userdata,
    view,
)
from app.api.services import Services
from app.api.v1 import docs, jobs, nodes, templates
from app.api.v1 import system as own_system
from app.api.ws import socket
from app.files.errors import FilesError
from app.store.errors import StoreError

COMFY_ROUTES = (
    prompt.router,
    queue.router,
    history.router,
    object_info.router,
    models.router,
    system.router,
    view.router,
    upload.router,
    settings_users.router,
    userdata.router,
    socket.router,
)
"""Each at /X and at /api/X."""

OWN_ROUTES = (jobs.router, nodes.router, own_system.router, templates.router, docs.router)
"""Below /api/v1."""


def create_app(services: Services) -> FastAPI:
    """The application over these services."""
    app = FastAPI(
        title="Comfy Creator",
        version=services.about.version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.services = services
    app.state.sockets = socket.Sockets()
    for router in (health.router, internal.router):
        app.include_router(router, include_in_schema=False)
    for router in COMFY_ROUTES:
        app.include_router(router, include_in_schema=False)
        app.include_router(router, prefix="/api", include_in_schema=False)
    for router in OWN_ROUTES:
        app.include_router(router, prefix="/api/v1", responses=errors.DOCUMENTED)
    static_files.mount(app, services)
    app.add_exception_handler(errors.ApiError, errors.on_api_error)
    app.add_exception_handler(FilesError, file_errors.on_files_error)
    app.add_exception_handler(StoreError, errors.on_store_error)
    app.add_exception_handler(HTTPException, errors.on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_parameters)
    app.add_exception_handler(Exception, errors.on_crash)
    auth.install(app, services.access, max_upload_bytes=services.about.max_upload_bytes)
    return app


def on_invalid_parameters(request: Request, error: Exception) -> Response:
    """Exception handler for parameters of our own routes that are not what the route declares."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this type only
    problems = [
        {"where": ".".join(str(part) for part in each["loc"]), "problem": each["msg"]}
        for each in error.errors()
    ]
    return errors.error_response(
        request,
        errors.ApiError(
            422,
            "invalid_parameters",
            "A parameter is not what this route takes; see /api/v1/docs.",
            fields={"problems": problems},
        ),
    )
