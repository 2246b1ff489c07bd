"""/system_stats, /features and the lists that ComfyUI's editor asks for at its start."""

import os
import sys
from functools import cache
from importlib import metadata
from pathlib import PurePath
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.features import server_features
from app.api.replies import json_reply
from app.api.services import Services, services_of
from app.protocol.events import Device

router = APIRouter()

COMFYUI_VERSION = "0.3.64"
"""The version of ComfyUI whose routes, messages and node classes these are."""


@router.get("/system_stats")
def system_stats(request: Request) -> Response:
    """Machine, versions, devices, and how the executor is."""
    services = services_of(request)
    status = services.executor.status
    stats = {
        "system": _system(services),
        "devices": [_device(each) for each in status.devices or [_computer()]],
        "executor": {
            "state": status.state,
            "detail": status.detail,
            "models_bytes": status.models_bytes,
        },
    }
    return json_reply(request, stats)


def _system(services: Services) -> dict[str, Any]:
    import psutil

    memory = psutil.virtual_memory()
    return {
        "os": os.name,
        "ram_total": memory.total,
        "ram_free": memory.available,
        "comfyui_version": COMFYUI_VERSION,
        "comfy_creator_version": services.about.version,
        "required_frontend_version": None,
        "installed_templates_version": None,
        "required_templates_version": None,
        "python_version": sys.version,
        "pytorch_version": services.executor.status.torch_version or _installed_torch(),
        "embedded_python": False,
        "argv": [_without_path(each) for each in services.about.argv],
    }


def _without_path(argument: str) -> str:
    """An argument as other people may see it: of a path only the last part."""
    flag, equals, value = argument.partition("=")
    if equals:
        return f"{flag}={PurePath(value).name}"
    return PurePath(argument).name if "/" in argument or "\\" in argument else argument


def _computer() -> Device:
    """What stands for the devices until the executor has reported them: ComfyUI's clients read the first."""
    import psutil

    memory = psutil.virtual_memory()
    return Device(
        name="cpu",
        type="cpu",
        vram_total=memory.total,
        vram_free=memory.available,
        torch_vram_total=memory.total,
        torch_vram_free=memory.available,
    )


@cache
def _installed_torch() -> str | None:
    """The version of torch beside the server, read from its metadata: importing it is the executor's part."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None


def _device(device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "type": device.type,
        "index": device.index,
        "vram_total": device.vram_total,
        "vram_free": device.vram_free,
        "torch_vram_total": device.torch_vram_total,
        "torch_vram_free": device.torch_vram_free,
    }


@router.get("/features")
def features(request: Request) -> Response:
    """What this server can do, as clients negotiate it."""
    return json_reply(request, server_features(services_of(request).about.max_upload_bytes))


@router.get("/extensions")
def extensions(request: Request) -> Response:
    """Scripts of node packs for ComfyUI's own editor: none."""
    return json_reply(request, [])


@router.get("/workflow_templates")
def workflow_templates(request: Request) -> Response:
    """Example workflows of node packs: none."""
    return json_reply(request, {})


@router.get("/i18n")
def translations(request: Request) -> Response:
    """Translations of node packs: none."""
    return json_reply(request, {})
