"""Another program holds the database: a sentence for the client, nothing lost, the next prompt works."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.engine import executor_task
from app.protocol.commands import RunPrompt
from app.protocol.events import PromptEvent
from app.store import database
from tests.integration.server.conftest import ServeWith
from tests.integration.server.live import LIMIT_S, PROMPT
from tests.stub_engine import StubEngine, succeed


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(executor_task, "DISK_PAUSE_S", 0.05)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file for writing, as a backup tool does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_locked_database_refuses_with_a_sentence_and_loses_nothing(
    serve_with: ServeWith, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    may_end = asyncio.Event()

    async def wait_then_succeed(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        await may_end.wait()
        async for each in succeed(engine, command):
            yield each

    async with serve_with(wait_then_succeed) as server:
        accepted = [await server.submit("first"), await server.submit("second")]
        async with asyncio.timeout(LIMIT_S):
            while server.core.executor.running != "first":  # noqa: ASYNC110  a server sets no event
                await asyncio.sleep(0.01)
        with locked(tmp_path / "base" / "state" / "comfy-creator.db"):
            refused = await server.http.post("/prompt", json={"prompt": PROMPT, "prompt_id": "refused"})
            may_end.set()
            async with asyncio.timeout(LIMIT_S):
                while "Cannot store the outcome of prompt first" not in caplog.text:  # noqa: ASYNC110  as above
                    await asyncio.sleep(0.01)
        accepted.append(await server.submit("next"))
        records = [await server.ended(each) for each in accepted]
        history = (await server.http.get("/history")).json()

    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "store_unavailable"
    assert refused.json()["error"]["message"] == (
        "The server cannot write to its database (is the disk full, or does another program hold the file?): "
        "nothing was changed, try again later."
    )
    assert int(refused.headers["retry-after"]) > 0
    assert [record["status"]["status_str"] for record in records] == ["success"] * 3
    assert list(history) == ["first", "second", "next"]
