"""The queue in the server's own database: durable before it is acknowledged; built by wiring."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.queue.attempt_files import AttemptFiles
from app.queue.base import (
    IdempotencyKeyReused,
    Message,
    NewPrompt,
    Outcome,
    PromptIdInUse,
    QueuedPrompt,
    QueueItem,
    QueueState,
    Receipt,
    Recovered,
)
from app.store import history, prompts
from app.store.database import Database
from app.store.prompts import PromptRow

MOST_ATTEMPTS = 2
"""A prompt that was lost twice is taken for the reason of the loss and not tried again."""


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class EmbeddedQueue:
    """PromptQueue over one SQLite file. One process, one instance per file.

    `on_change` is told how many prompts wait or run after every change.
    """

    def __init__(
        self,
        database: Database,
        files: AttemptFiles,
        *,
        on_change: Callable[[int], None] = lambda remaining: None,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._database = database
        self._files = files
        self._on_change = on_change
        self._clock_ms = clock_ms
        self._changed = asyncio.Event()
        self._next_number: int | None = None

    async def put(self, new: NewPrompt) -> Receipt:
        """Store a prompt; returns once it is on disk. Raises PromptIdInUse or IdempotencyKeyReused."""
        # Encoding megabytes would hold up the event loop.
        encoded = await asyncio.to_thread(_encode, new)
        async with self._database.write() as connection:
            known = await self._known(connection, new)
            if known is not None:
                return known
            number, given = await self._number(connection, new)
            await history.forget_ended(connection, new.prompt_id)
            row = PromptRow(
                prompt_id=new.prompt_id,
                number=number,
                number_given=given,
                client_id=new.client_id,
                idempotency_key=new.idempotency_key,
                request_hash=new.request_hash,
                created_ms=self._clock_ms(),
                prompt=encoded.prompt,
                extra_data=encoded.extra_data,
                targets=encoded.targets,
                node_errors=encoded.node_errors,
            )
            try:
                await prompts.add(connection, row)
            except IntegrityError as exc:
                raise PromptIdInUse(new.prompt_id) from exc
            remaining = await prompts.count_waiting(connection)
        self._changed.set()
        self._on_change(remaining)
        return Receipt(
            prompt_id=new.prompt_id, number=_wire_number(number, given), node_errors=new.node_errors
        )

    async def skip_number(self) -> None:
        """Count a refused submission, as the numbers given to clients do."""
        async with self._database.read() as connection:
            await self._count(connection)

    async def wait(self) -> None:
        """Wait until `take` may find something; may be cancelled at any time."""
        await self._changed.wait()

    async def take(self) -> QueuedPrompt | None:
        """Mark the head of the queue as running and return it, None when nothing waits."""
        self._changed.clear()
        async with self._database.write() as connection:
            row = await prompts.head(connection)
            if row is None:
                return None
            await prompts.set_running(connection, row.prompt_id, row.attempt + 1, self._clock_ms())
            remaining = await prompts.count_waiting(connection)
        self._changed.set()
        self._on_change(remaining)
        return await asyncio.to_thread(_decode, row)

    async def finish(self, prompt_id: str, outcome: Outcome) -> bool:
        """Store the outcome; False when the prompt was not running, then nothing changed."""
        async with self._database.write() as connection:
            ended = await self._end(connection, prompt_id, outcome)
            remaining = await prompts.count_waiting(connection)
        if ended:
            await asyncio.to_thread(self._files.keep, prompt_id)
            self._on_change(remaining)
        return ended

    async def give_back(self, prompt_id: str) -> None:
        """Put a running prompt back because the server leaves in order; this does not count as an attempt."""
        await asyncio.to_thread(self._files.discard, prompt_id)
        async with self._database.write() as connection:
            row = await prompts.find(connection, prompt_id)
            if row is not None and row.state == prompts.RUNNING:
                await prompts.set_pending(connection, prompt_id, row.attempt - 1, self._losses(row))

    async def delete(self, prompt_ids: list[str]) -> int:
        """Remove waiting prompts; returns how many there were."""
        return await self._delete(prompt_ids)

    async def clear(self) -> int:
        """Remove all waiting prompts; returns how many there were."""
        return await self._delete(None)

    async def state(self) -> QueueState:
        """What waits and what runs."""
        async with self._database.read() as connection:
            rows = await prompts.waiting(connection)
        return QueueState(
            running=tuple(_item(row) for row in rows if row.state == prompts.RUNNING),
            pending=tuple(_item(row) for row in rows if row.state == prompts.PENDING),
        )

    async def remaining(self) -> int:
        """How many prompts wait or run."""
        async with self._database.read() as connection:
            return await prompts.count_waiting(connection)

    async def requeue_lost(self) -> Recovered:
        """At start: put prompts that ran when the server was lost back, once; a second loss fails them.

        Files of a lost attempt are removed first: when this is cut short, it starts again from the beginning.
        """
        async with self._database.read() as connection:
            lost = [row for row in await prompts.waiting(connection) if row.state == prompts.RUNNING]
        requeued: list[str] = []
        failed: list[str] = []
        for row in lost:
            await asyncio.to_thread(self._files.discard, row.prompt_id)
            async with self._database.write() as connection:
                if row.attempt < MOST_ATTEMPTS:
                    await prompts.set_pending(connection, row.prompt_id, row.attempt, self._losses(row))
                    requeued.append(row.prompt_id)
                else:
                    await self._end(connection, row.prompt_id, self._lost_again(row))
                    failed.append(row.prompt_id)
        await asyncio.to_thread(self._files.forget_all)
        self._changed.set()
        self._on_change(await self.remaining())
        return Recovered(requeued=tuple(requeued), failed=tuple(failed))

    async def _known(self, connection: AsyncConnection, new: NewPrompt) -> Receipt | None:
        """The receipt that an earlier, equal request got under the same idempotency key."""
        if new.idempotency_key is None:
            return None
        row = await prompts.find_by_key(connection, new.idempotency_key)
        if row is None:
            return None
        if row.request_hash != new.request_hash:
            raise IdempotencyKeyReused(new.idempotency_key)
        return Receipt(
            prompt_id=row.prompt_id,
            number=_wire_number(row.number, row.number_given),
            node_errors=json.loads(row.node_errors),
        )

    async def _number(self, connection: AsyncConnection, new: NewPrompt) -> tuple[float, bool]:
        if new.number is not None:
            return new.number, True
        counted = await self._count(connection)
        return (-counted if new.front else counted), False

    async def _count(self, connection: AsyncConnection) -> int:
        if self._next_number is None:
            self._next_number = int(await prompts.highest_number(connection)) + 1
        counted = self._next_number
        self._next_number += 1
        return counted

    async def _delete(self, prompt_ids: list[str] | None) -> int:
        async with self._database.write() as connection:
            count = await prompts.delete_pending(connection, prompt_ids)
            remaining = await prompts.count_waiting(connection)
        self._on_change(remaining)
        return count

    async def _end(self, connection: AsyncConnection, prompt_id: str, outcome: Outcome) -> bool:
        ended = await prompts.set_ended(
            connection,
            prompt_id,
            state=outcome.state,
            outcome=outcome.to_json(),
            node_ms=json.dumps(outcome.node_ms),
            ended_ms=self._clock_ms(),
        )
        await history.drop_oldest(connection)
        return ended

    def _losses(self, row: PromptRow) -> str:
        entry = {"prompt_id": row.prompt_id, "timestamp": self._clock_ms(), "attempt": row.attempt}
        return json.dumps([*json.loads(row.losses), ["requeued", entry]])

    def _lost_again(self, row: PromptRow) -> Outcome:
        message = (
            f"The server ended unexpectedly {row.attempt} times while this prompt ran. It is not run again; "
            "queue it anew once the cause is found (often: too little memory)."
        )
        failure: dict[str, Any] = {
            "prompt_id": row.prompt_id,
            "node_id": "",
            "node_type": "",
            "executed": [],
            "exception_message": message,
            "exception_type": "ServerLost",
            "traceback": [],
            "current_inputs": {},
            "current_outputs": [],
            "timestamp": self._clock_ms(),
        }
        losses: list[Message] = [(name, data) for name, data in json.loads(row.losses)]
        return Outcome(state="error", messages=(*losses, ("execution_error", failure)))


@dataclass(frozen=True, kw_only=True)
class _Encoded:
    """The documents of a new prompt as JSON text."""

    prompt: str
    extra_data: str
    targets: str
    node_errors: str


def _encode(new: NewPrompt) -> _Encoded:
    return _Encoded(
        prompt=json.dumps(new.prompt),
        extra_data=json.dumps(new.extra_data),
        targets=json.dumps(new.targets),
        node_errors=json.dumps(new.node_errors),
    )


def _decode(row: PromptRow) -> QueuedPrompt:
    return QueuedPrompt(
        prompt_id=row.prompt_id,
        number=_wire_number(row.number, row.number_given),
        prompt=json.loads(row.prompt),
        targets=tuple(json.loads(row.targets)),
        extra_data=json.loads(row.extra_data),
        client_id=row.client_id,
        attempt=row.attempt + 1,
        losses=tuple((name, data) for name, data in json.loads(row.losses)),
    )


def _item(row: PromptRow) -> QueueItem:
    return QueueItem(
        prompt_id=row.prompt_id,
        number=_wire_number(row.number, row.number_given),
        prompt_json=row.prompt,
        extra_data_json=row.extra_data,
        targets_json=row.targets,
        created_ms=row.created_ms,
    )


def _wire_number(number: float, given: bool) -> float:
    """Clients get their own number back as a float, and ours as an integer."""
    return float(number) if given else int(number)
