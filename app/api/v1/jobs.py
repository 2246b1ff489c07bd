"""/api/v1/jobs: prompts with owner, state and times in our own typed shape."""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request

from app.api.errors import ApiError
from app.api.services import services_of
from app.store.history import HistoryRow

State = Literal["pending", "running", "success", "error", "interrupted"]

router = APIRouter(prefix="/jobs", tags=["jobs"])


class Job(BaseModel):
    """A prompt on its way. Times are milliseconds since 1970."""

    id: str
    state: State
    number: float
    attempt: int
    client_id: str | None
    created_ms: int
    started_ms: int | None
    ended_ms: int | None


class JobDetail(Job):
    """A job with how long each of its nodes took, in milliseconds; cached nodes are not in it."""

    node_ms: dict[str, int]


class JobPage(BaseModel):
    """Some jobs, newest first, and how many there are in all."""

    jobs: list[Job]
    total: int
    offset: int
    limit: int


class Cancelled(BaseModel):
    """Whether the job was waiting or running and now is not."""

    cancelled: bool


@router.get("")
async def list_jobs(
    request: Request,
    state: Annotated[list[State] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> JobPage:
    """List jobs, newest first."""
    rows, total = await services_of(request).history.jobs(state, limit, offset)
    return JobPage(jobs=[_job(row) for row in rows], total=total, offset=offset, limit=limit)


@router.get("/{job_id}")
async def get_job(request: Request, job_id: str) -> JobDetail:
    """One job; 404 for an unknown id."""
    row = await services_of(request).history.job(job_id)
    if row is None:
        raise _unknown(job_id)
    return JobDetail(**_job(row).model_dump(), node_ms=json.loads(row.node_ms or "{}"))


@router.post("/{job_id}/cancel")
async def cancel_job(request: Request, job_id: str) -> Cancelled:
    """Stop a job wherever it is; a job that has ended stays as it is."""
    services = services_of(request)
    if await services.history.job(job_id) is None:
        raise _unknown(job_id)
    return Cancelled(cancelled=await services.edit_queue.cancel(job_id))


def _unknown(job_id: str) -> ApiError:
    return ApiError(404, "not_found", f"There is no job '{job_id[:100]}'.")


def _job(row: HistoryRow) -> Job:
    return Job.model_validate(
        {
            "id": row.prompt_id,
            "state": row.state,
            "number": row.number,
            "attempt": row.attempt,
            "client_id": row.client_id,
            "created_ms": row.created_ms,
            "started_ms": row.started_ms,
            "ended_ms": row.ended_ms,
        }
    )
