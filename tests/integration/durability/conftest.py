"""One real server with a real executor for all tests here: each start of an executor costs seconds."""

from collections.abc import Iterator

import pytest

from tests.serving import Server, free_port


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose data folders live as long as the tests."""
    running = Server(tmp_path_factory.mktemp("base"), free_port())
    running.start()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def server(process: Server) -> Server:
    """The server with nothing queued, nothing in history, no pictures, and no cached results."""
    process.wait_ready()
    for path in (process.base / "output").iterdir():
        path.unlink()
    process.client.post("/history", json={"clear": True})
    process.client.post("/free", json={"free_memory": True})
    return process
