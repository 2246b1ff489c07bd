"""Rows of the table of prompts while they wait and run; used by the embedded queue in its transactions."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CursorResult, RowMapping, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.tables import PROMPTS

PENDING = "pending"
RUNNING = "running"

_columns = PROMPTS.c
_PARTS = (
    _columns.id,
    _columns.prompt_id,
    _columns.number,
    _columns.number_given,
    _columns.state,
    _columns.prompt,
    _columns.extra_data,
    _columns.client_id,
    _columns.targets,
    _columns.node_errors,
    _columns.idempotency_key,
    _columns.request_hash,
    _columns.attempt,
    _columns.losses,
    _columns.created_ms,
)


@dataclass(frozen=True, kw_only=True)
class PromptRow:
    """A prompt as stored. `prompt`, `extra_data`, `targets`, `node_errors` and `losses` are JSON text."""

    prompt_id: str
    number: float
    number_given: bool
    prompt: str
    extra_data: str
    client_id: str | None
    targets: str
    created_ms: int
    node_errors: str = "{}"
    idempotency_key: str | None = None
    request_hash: str | None = None
    state: str = PENDING
    attempt: int = 0
    losses: str = "[]"
    id: int = 0


async def add(connection: AsyncConnection, row: PromptRow) -> None:
    """Insert a prompt; raises sqlalchemy.exc.IntegrityError for a prompt id or idempotency key in use."""
    values = {name: getattr(row, name) for name in PromptRow.__dataclass_fields__ if name != "id"}
    await connection.execute(insert(PROMPTS).values(**values))


async def head(connection: AsyncConnection) -> PromptRow | None:
    """The prompt whose turn it is: lowest number, then oldest."""
    query = select(*_PARTS).where(_columns.state == PENDING).order_by(_columns.number, _columns.id).limit(1)
    return _first((await connection.execute(query)).mappings().first())


async def find(connection: AsyncConnection, prompt_id: str) -> PromptRow | None:
    """The prompt of that id in whatever state."""
    query = select(*_PARTS).where(_columns.prompt_id == prompt_id)
    return _first((await connection.execute(query)).mappings().first())


async def find_by_key(connection: AsyncConnection, idempotency_key: str) -> PromptRow | None:
    """The prompt that was submitted under an idempotency key."""
    query = select(*_PARTS).where(_columns.idempotency_key == idempotency_key)
    return _first((await connection.execute(query)).mappings().first())


async def waiting(connection: AsyncConnection) -> list[PromptRow]:
    """Running prompts, then pending ones in the order in which they will run."""
    query = (
        select(*_PARTS)
        .where(_columns.state.in_((PENDING, RUNNING)))
        .order_by(case((_columns.state == RUNNING, 0), else_=1), _columns.number, _columns.id)
    )
    return [_row(each) for each in (await connection.execute(query)).mappings().all()]


async def count_waiting(connection: AsyncConnection) -> int:
    """How many prompts are pending or running."""
    query = select(func.count()).select_from(PROMPTS).where(_columns.state.in_((PENDING, RUNNING)))
    return int((await connection.execute(query)).scalar_one())


async def highest_number(connection: AsyncConnection) -> float:
    """The largest distance from zero of a number that we gave, -1 without any."""
    query = select(func.max(func.abs(_columns.number))).where(_columns.number_given.is_(False))
    found = (await connection.execute(query)).scalar_one()
    return -1 if found is None else float(found)


async def set_running(connection: AsyncConnection, prompt_id: str, attempt: int, started_ms: int) -> None:
    """Mark a pending prompt as running."""
    await connection.execute(
        update(PROMPTS)
        .where(_columns.prompt_id == prompt_id)
        .values(state=RUNNING, attempt=attempt, started_ms=started_ms)
    )


async def set_pending(connection: AsyncConnection, prompt_id: str, attempt: int, losses: str) -> None:
    """Put a prompt that was running back into its old place, `attempt` times tried."""
    await connection.execute(
        update(PROMPTS)
        .where(_columns.prompt_id == prompt_id)
        .values(state=PENDING, attempt=attempt, started_ms=None, losses=losses)
    )


async def set_ended(
    connection: AsyncConnection, prompt_id: str, *, state: str, outcome: str, node_ms: str, ended_ms: int
) -> bool:
    """Store the outcome of a running prompt; False when it was not running."""
    result = await connection.execute(
        update(PROMPTS)
        .where(_columns.prompt_id == prompt_id, _columns.state == RUNNING)
        .values(state=state, outcome=outcome, node_ms=node_ms, ended_ms=ended_ms)
    )
    return _touched(result) == 1


async def delete_pending(connection: AsyncConnection, prompt_ids: list[str] | None) -> int:
    """Remove waiting prompts, all of them for None; returns how many."""
    query = delete(PROMPTS).where(_columns.state == PENDING)
    if prompt_ids is not None:
        query = query.where(_columns.prompt_id.in_(prompt_ids))
    return _touched(await connection.execute(query))


def _touched(result: CursorResult[Any]) -> int:
    return result.rowcount


def _first(row: RowMapping | None) -> PromptRow | None:
    return None if row is None else _row(row)


def _row(row: RowMapping) -> PromptRow:
    return PromptRow(**{str(name): value for name, value in row.items()})
