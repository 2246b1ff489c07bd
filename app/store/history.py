"""What became of prompts: paged reads and deletes; used by app/actions and the embedded queue."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, delete, desc, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.database import Database
from app.store.tables import PROMPTS

KEPT_RECORDS = 10_000
"""Older records are dropped, as clients of the original expect."""

_columns = PROMPTS.c
_PARTS = (
    _columns.prompt_id,
    _columns.number,
    _columns.number_given,
    _columns.state,
    _columns.prompt,
    _columns.extra_data,
    _columns.client_id,
    _columns.targets,
    _columns.attempt,
    _columns.created_ms,
    _columns.started_ms,
    _columns.ended_ms,
    _columns.outcome,
    _columns.node_ms,
)


@dataclass(frozen=True, kw_only=True)
class HistoryRow:
    """A prompt with its outcome. `prompt`, `extra_data`, `targets`, `outcome`, `node_ms` are JSON text."""

    prompt_id: str
    number: float
    number_given: bool
    state: str
    prompt: str
    extra_data: str
    client_id: str | None
    targets: str
    attempt: int
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    outcome: str | None
    node_ms: str | None


class History:
    """Ended prompts, oldest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, max_items: int | None = None, offset: int = 0) -> list[HistoryRow]:
        """Records from the `offset`-th oldest on; without offset, `max_items` takes the newest ones."""
        query = select(*_PARTS).where(_columns.ended_ms.is_not(None))
        newest = max_items is not None and offset <= 0
        order = (desc(_columns.ended_ms), desc(_columns.id)) if newest else (_columns.ended_ms, _columns.id)
        query = query.order_by(*order).limit(-1 if max_items is None else max(max_items, 0))
        if offset > 0:
            query = query.offset(offset)
        async with self._database.read() as connection:
            rows = [_row(each) for each in (await connection.execute(query)).mappings().all()]
        return rows[::-1] if newest else rows

    async def record(self, prompt_id: str) -> HistoryRow | None:
        """The record of one ended prompt."""
        found = await self.job(prompt_id)
        return found if found is not None and found.ended_ms is not None else None

    async def job(self, prompt_id: str) -> HistoryRow | None:
        """A prompt in whatever state."""
        async with self._database.read() as connection:
            query = select(*_PARTS).where(_columns.prompt_id == prompt_id)
            row = (await connection.execute(query)).mappings().first()
            return None if row is None else _row(row)

    async def jobs(
        self, states: Sequence[str] | None, limit: int, offset: int, *, oldest_first: bool = False
    ) -> tuple[list[HistoryRow], int]:
        """A page of prompts in any of the states, by time of creation, and how many there are."""
        query = select(*_PARTS)
        count = select(func.count()).select_from(PROMPTS)
        if states is not None:
            query = query.where(_columns.state.in_(states))
            count = count.where(_columns.state.in_(states))
        order = _columns.id if oldest_first else desc(_columns.id)
        async with self._database.read() as connection:
            total = int((await connection.execute(count)).scalar_one())
            rows = (
                (await connection.execute(query.order_by(order).limit(limit).offset(offset))).mappings().all()
            )
        return [_row(each) for each in rows], total

    async def delete(self, prompt_ids: Sequence[str] | None) -> None:
        """Forget records, all of them for None; waiting and running prompts stay."""
        query = delete(PROMPTS).where(_columns.ended_ms.is_not(None))
        if prompt_ids is not None:
            query = query.where(_columns.prompt_id.in_(prompt_ids))
        async with self._database.write() as connection:
            await connection.execute(query)


async def drop_oldest(connection: AsyncConnection, kept: int = KEPT_RECORDS) -> None:
    """Forget all but the newest `kept` records."""
    surplus = (
        select(_columns.id)
        .where(_columns.ended_ms.is_not(None))
        .order_by(desc(_columns.ended_ms), desc(_columns.id))
        .limit(-1)
        .offset(kept)
    )
    await connection.execute(delete(PROMPTS).where(_columns.id.in_(surplus)))


async def forget_ended(connection: AsyncConnection, prompt_id: str) -> None:
    """Forget an ended prompt whose id a client uses again."""
    await connection.execute(
        delete(PROMPTS).where(_columns.prompt_id == prompt_id, _columns.ended_ms.is_not(None))
    )


def _row(row: RowMapping) -> HistoryRow:
    return HistoryRow(**{str(name): value for name, value in row.items()})
