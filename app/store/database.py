"""The SQLite file: one writer, several readers; opened by wiring, used by the modules of this room."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

import aiosqlite
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as SQLAlchemyTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from app.store.errors import DatabaseUnusable
from app.store.migrations import migrate

BUSY_TIMEOUT_S = 10
"""How long a statement waits for another process (a backup tool) that holds the file."""

READERS = 2

LEAVE_S = 10.0
"""How long closing waits for a statement that nobody waits for any more."""

_log = logging.getLogger(__name__)


class Database:
    """One database file. `write` hands out the only writing connection, `read` a snapshot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads: WeakSet[threading.Thread] = WeakSet()
        self._writer = _engine(path, self._threads, writes=True)
        self._reader = _engine(path, self._threads, writes=False)

    @classmethod
    async def open(cls, path: Path) -> "Database":
        """Open or make the file and bring it to this version's schema.

        Raises DatabaseTooNew or DatabaseUnusable.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(migrate, path)
            journal = await asyncio.to_thread(_choose_journal, path)
        except (OSError, sqlite3.Error, DBAPIError) as exc:
            raise DatabaseUnusable(path, exc) from exc
        if journal != "wal":
            _log.warning(
                "The file system of %s refuses a write-ahead log; using a slower rollback journal", path
            )
        return cls(path)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction of the only writer; on disk when the block has ended.

        Raises DatabaseUnusable when the disk is full or refuses; then nothing was changed.
        """
        with self._explained():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """A reading transaction: every statement in it sees the same state. Raises DatabaseUnusable."""
        with self._explained():
            async with self._reader.begin() as connection:
                yield connection

    async def close(self) -> None:
        """Close all connections; folds the write-ahead log into the file.

        Waits for statements of cancelled tasks too: their threads would report to an event loop that is gone.
        """
        await self._reader.dispose()
        await self._writer.dispose()
        for thread in list(self._threads):
            await asyncio.to_thread(thread.join, LEAVE_S)

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except (OperationalError, SQLAlchemyTimeoutError) as exc:
            reason = exc.orig if isinstance(exc, OperationalError) else exc
            raise DatabaseUnusable(self._path, reason) from exc


def _choose_journal(path: Path) -> str:
    """Ask for a write-ahead log; network file systems refuse it and get a rollback journal. Its name."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)
    try:
        (journal,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if journal == "wal":
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:  # no shared memory on this file system
                journal = "refused"
        if journal != "wal":
            (journal,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
        return str(journal)
    finally:
        connection.close()


def _engine(path: Path, threads: WeakSet[threading.Thread], *, writes: bool) -> AsyncEngine:
    """An engine whose pool is the lock: the writer's has one connection and no overflow.

    Each connection has a thread, which is added to `threads`.
    """

    async def connect() -> aiosqlite.Connection:
        connection = aiosqlite.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
        thread = connection._thread  # pyright: ignore[reportPrivateUsage]  there is no public way to it
        thread.daemon = True
        threads.add(thread)
        return await connection

    engine = create_async_engine(
        "sqlite+aiosqlite:///",
        async_creator=connect,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1 if writes else READERS,
        max_overflow=0,
        pool_timeout=60,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None  # transactions begin below, where we choose their kind
        cursor = connection.cursor()
        # FULL: an acknowledged prompt survives a power cut, not only a killed process.
        cursor.execute("PRAGMA synchronous=FULL" if writes else "PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
