"""/history in ComfyUI's shape, paged from the database."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.comfy.queue import id_list
from app.api.errors import ApiError
from app.api.raw_json import RawJsonResponse, array, encoded, object_
from app.api.services import services_of
from app.store.history import KEPT_RECORDS, HistoryRow

router = APIRouter()


@router.get("/history")
async def get_history(request: Request) -> Response:
    """Records by prompt id, oldest first: the last `max_items`, or from the `offset`-th on."""
    max_items = _paging(request, "max_items")
    offset = _paging(request, "offset") or 0
    rows = await services_of(request).history.page(max_items, offset)
    return RawJsonResponse(object_((row.prompt_id, record_json(row)) for row in rows))


@router.get("/history/{prompt_id:path}")
async def get_record(request: Request, prompt_id: str) -> Response:
    """One record, or {} while it is unknown, waiting or running."""
    row = await services_of(request).history.record(prompt_id)
    return RawJsonResponse(object_([] if row is None else [(row.prompt_id, record_json(row))]))


@router.post("/history")
async def post_history(request: Request) -> Response:
    """Forget records: all (`clear`) or some (`delete`)."""
    body: Any = await read_json(request, empty={})
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_body", "The body has to be a JSON object.")
    history = services_of(request).history
    if body.get("clear"):  # pyright: ignore[reportUnknownMemberType]
        await history.delete(None)
    if "delete" in body:
        await history.delete(id_list(body["delete"]))
    return Response()


def record_json(row: HistoryRow) -> str:
    """One record as JSON text."""
    number = row.number if row.number_given else int(row.number)
    prompt = array([encoded(number), encoded(row.prompt_id), row.prompt, row.extra_data, row.targets])
    return object_([("prompt", prompt)])[:-1] + "," + (row.outcome or "{}")[1:]


def _paging(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None or not text:
        return None
    try:
        value = int(text[:20])
    except ValueError:
        raise ApiError(400, "invalid_paging", f"'{name}' has to be a whole number.") from None
    return min(value, KEPT_RECORDS) if value >= 0 else None
