"""POST and GET /prompt: ComfyUI's field names end here and become a Submission."""

import math
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.actions.submit_prompt import Submission
from app.api.body import read_json
from app.api.errors import ApiError
from app.api.replies import json_reply
from app.api.services import services_of
from app.graph.errors import PromptRefused
from app.queue.base import IdempotencyKeyReused, PromptIdInUse

LONGEST_ID = 200
"""Characters of a prompt id, client id or idempotency key."""

router = APIRouter()


@router.get("/prompt")
async def get_prompt(request: Request) -> Response:
    """How many prompts wait or run."""
    remaining = await services_of(request).queue.remaining()
    return json_reply(request, {"exec_info": {"queue_remaining": remaining}})


@router.post("/prompt")
async def post_prompt(request: Request) -> Response:
    """Queue a prompt; the reply is sent when it is on disk."""
    body = await _read(request)
    try:
        submission = _submission(body, request.headers.get("idempotency-key"))
        receipt = await services_of(request).submit(submission)
    except PromptRefused as refused:
        return refusal(request, refused)
    except (PromptIdInUse, IdempotencyKeyReused) as exc:
        kind = "prompt_id_in_use" if isinstance(exc, PromptIdInUse) else "idempotency_key_reused"
        return refusal(request, PromptRefused(kind, str(exc)), status=409)
    return json_reply(
        request,
        {"prompt_id": receipt.prompt_id, "number": receipt.number, "node_errors": receipt.node_errors},
    )


def refusal(request: Request, refused: PromptRefused, status: int = 400) -> Response:
    """A refused prompt in ComfyUI's shape."""
    error = {
        "type": refused.type,
        "message": refused.message,
        "details": refused.details,
        "extra_info": refused.extra_info,
    }
    node_errors = msgspec.to_builtins(refused.node_errors)
    return json_reply(request, {"error": error, "node_errors": node_errors}, status)


async def _read(request: Request) -> Any:
    try:
        return await read_json(request)
    except ApiError as exc:
        raise ApiError(
            exc.status, exc.code, exc.message, fields={"type": exc.code, "details": "", "extra_info": {}}
        ) from exc


def _submission(body: Any, idempotency_key: str | None) -> Submission:
    """Read ComfyUI's body; raises PromptRefused."""
    fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    if "prompt" not in fields:
        raise PromptRefused("no_prompt", "The body has no key 'prompt'; send {\"prompt\": {...}}")
    prompt = fields["prompt"]
    if not isinstance(prompt, dict):
        raise PromptRefused("invalid_prompt", "The prompt has to be an object of nodes by id")
    return Submission(
        prompt=cast("dict[str, Any]", prompt),
        prompt_id=_name(fields, "prompt_id"),
        client_id=_client_id(fields),
        extra_data=_object(fields, "extra_data"),
        number=_number(fields),
        front=bool(fields.get("front")),
        targets=_targets(fields),
        idempotency_key=_checked_name("Idempotency-Key", idempotency_key),
    )


def _client_id(fields: Mapping[str, Any]) -> str | None:
    own = _name(fields, "client_id")
    return own if own is not None else _name(_object(fields, "extra_data"), "client_id")


def _name(fields: Mapping[str, Any], key: str) -> str | None:
    value = fields.get(key)
    return None if value is None else _checked_name(key, value if isinstance(value, str) else str(value))


def _checked_name(key: str, value: str | None) -> str | None:
    if value is not None and len(value) > LONGEST_ID:
        raise PromptRefused(f"invalid_{key.lower()}", f"'{key}' is longer than {LONGEST_ID} characters")
    return value or None


def _object(fields: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = fields.get(key)
    if value is None:
        return {}
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    raise PromptRefused(f"invalid_{key}", f"'{key}' has to be an object")


def _number(fields: Mapping[str, Any]) -> float | None:
    value = fields.get("number")
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise PromptRefused("invalid_number", "'number' has to be a finite number: the place in the queue")
    return number


def _targets(fields: Mapping[str, Any]) -> tuple[str, ...] | None:
    value = fields.get("partial_execution_targets")
    if value is None:
        return None
    if not isinstance(value, list):
        raise PromptRefused(
            "invalid_partial_execution_targets", "'partial_execution_targets' has to be a list of node ids"
        )
    return tuple(str(each) for each in cast("list[object]", value))
