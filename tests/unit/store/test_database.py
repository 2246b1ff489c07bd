"""The database file: durability settings, one writer, readers that cannot write."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from app.store.database import Database
from app.store.errors import DatabaseUnusable

COUNTING = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT count(*) FROM n
"""


async def _pragma(database: Database, name: str, *, write: bool) -> object:
    async with database.write() if write else database.read() as connection:
        return (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()


async def test_writer_syncs_fully_and_readers_cannot_write(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    try:
        full = 2
        assert await _pragma(database, "synchronous", write=True) == full
        assert await _pragma(database, "journal_mode", write=True) == "wal"
        with pytest.raises(DatabaseUnusable, match="readonly"):
            async with database.read() as connection:
                await connection.execute(text("DELETE FROM prompts"))
    finally:
        await database.close()


async def test_writers_take_turns(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    inside = 0
    most = 0

    async def write() -> None:
        nonlocal inside, most
        async with database.write() as connection:
            inside += 1
            most = max(most, inside)
            await connection.execute(text("SELECT 1"))
            inside -= 1

    try:
        await asyncio.gather(*(write() for _ in range(20)))
        assert most == 1
    finally:
        await database.close()


@pytest.mark.parametrize("after_turns", range(12))
async def test_nothing_outlives_closing_whenever_a_task_is_cancelled(
    tmp_path: Path, after_turns: int
) -> None:
    """A connection's thread would tell an event loop that is gone."""
    before = set(threading.enumerate())
    database = await Database.open(tmp_path / "a.db")

    async def count() -> None:
        async with database.read() as connection:
            await connection.execute(text(COUNTING))

    counting = asyncio.create_task(count())
    for _ in range(after_turns):
        await asyncio.sleep(0)
    counting.cancel()
    await asyncio.wait([counting])
    await database.close()
    left = set(threading.enumerate()) - before
    assert [each.name for each in left if "connection_worker" in each.name] == []


async def test_unusable_place_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DatabaseUnusable, match="--base-directory"):
        await Database.open(tmp_path / "file" / "a.db")


async def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("something else entirely, long enough to be looked at" * 100)
    with pytest.raises(DatabaseUnusable, match="not a database"):
        await Database.open(tmp_path / "a.db")
