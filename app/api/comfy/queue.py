"""/queue, /interrupt and /free in ComfyUI's shapes."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.errors import ApiError
from app.api.raw_json import RawJsonResponse, array, encoded, object_
from app.api.services import services_of
from app.queue.base import QueueItem

router = APIRouter()


@router.get("/queue")
async def get_queue(request: Request) -> Response:
    """What runs and what waits, as [number, prompt_id, prompt, extra_data, outputs_to_execute]."""
    state = await services_of(request).queue.state()
    return RawJsonResponse(
        object_([("queue_running", _items(state.running)), ("queue_pending", _items(state.pending))])
    )


@router.post("/queue")
async def post_queue(request: Request) -> Response:
    """Remove waiting prompts: all (`clear`) or some (`delete`)."""
    body = await _object(request)
    edit = services_of(request).edit_queue
    if body.get("clear"):
        await edit.clear_waiting()
    if "delete" in body:
        await edit.delete_waiting(id_list(body["delete"]))
    return Response()


@router.post("/interrupt")
async def post_interrupt(request: Request) -> Response:
    """Stop the running prompt; with a prompt_id only if it is the running one."""
    prompt_id = (await _object(request)).get("prompt_id")
    await services_of(request).edit_queue.interrupt(str(prompt_id) if prompt_id else None)
    return Response()


@router.post("/free")
async def post_free(request: Request) -> Response:
    """Unload models and, if asked, forget cached results."""
    body = await _object(request)
    forget = bool(body.get("free_memory"))
    await services_of(request).executor.free_memory(
        unload_models=bool(body.get("unload_models")) or forget, forget_outputs=forget
    )
    return Response()


def id_list(value: Any) -> list[str]:
    """A list of prompt ids from a body; raises ApiError 400."""
    if not isinstance(value, list):
        raise ApiError(400, "invalid_body", "'delete' has to be a list of prompt ids.")
    return [each for each in value if isinstance(each, str)]  # pyright: ignore[reportUnknownVariableType]


async def _object(request: Request) -> dict[str, Any]:
    body = await read_json(request, empty={})
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_body", "The body has to be a JSON object.")
    return body  # pyright: ignore[reportUnknownVariableType]


def _items(items: Sequence[QueueItem]) -> str:
    return array(
        array(
            [
                encoded(item.number),
                encoded(item.prompt_id),
                item.prompt_json,
                item.extra_data_json,
                item.targets_json,
            ]
        )
        for item in items
    )
