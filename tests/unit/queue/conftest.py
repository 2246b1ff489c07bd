"""A queue over a real database in a temporary folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.queue.attempt_files import AttemptFiles
from app.queue.embedded import EmbeddedQueue
from app.store.database import Database
from app.store.history import History


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "state" / "queue.db")
    yield opened
    await opened.close()


@pytest.fixture
def files(tmp_path: Path) -> AttemptFiles:
    (tmp_path / "output").mkdir()
    return AttemptFiles(tmp_path / "state", [tmp_path / "output"])


@pytest.fixture
def queue(database: Database, files: AttemptFiles) -> EmbeddedQueue:
    return EmbeddedQueue(database, files)


@pytest.fixture
def history(database: Database) -> History:
    return History(database)
