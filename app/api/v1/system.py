"""GET /api/v1/system: what runs here, for our editor, scripts and people who look after servers."""

from fastapi import APIRouter
from msgspec import to_builtins
from pydantic import BaseModel
from starlette.requests import Request

from app.api.services import services_of

router = APIRouter(tags=["system"])


class ExecutorView(BaseModel):
    """How the executor is: starting, ready, busy or dead, and a sentence about it."""

    state: str
    detail: str
    torch_version: str


class DeviceView(BaseModel):
    """A compute device; bytes."""

    name: str
    type: str
    index: int | None
    vram_total: int
    vram_free: int
    torch_vram_total: int
    torch_vram_free: int


class SystemView(BaseModel):
    """The server's version, executor and limits."""

    version: str
    executor: ExecutorView
    devices: list[DeviceView]
    login: bool
    max_upload_bytes: int


@router.get("/system")
async def system(request: Request) -> SystemView:
    """Version, executor and devices."""
    services = services_of(request)
    status = services.executor.status
    return SystemView(
        version=services.about.version,
        executor=ExecutorView(state=status.state, detail=status.detail, torch_version=status.torch_version),
        devices=[DeviceView(**to_builtins(each)) for each in status.devices],
        login=services.access.token is not None,
        max_upload_bytes=services.about.max_upload_bytes,
    )
