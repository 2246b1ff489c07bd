"""A server in a thread of its own, for clients that know nothing of this program's event loop."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.server.live import LIMIT_S, Live, live


@pytest.fixture(scope="module")
def threaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose prompts succeed at once; its history holds the job `known`."""
    ready = threading.Event()
    held: list[tuple[Live, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve(base: Path) -> None:
        async with live(base) as server:
            await server.ended(await server.submit("known"))
            stop = asyncio.Event()
            held.append((server, asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    thread = threading.Thread(
        target=lambda: asyncio.run(serve(tmp_path_factory.mktemp("base"))), name="contract-server"
    )
    thread.start()
    assert ready.wait(3 * LIMIT_S)
    server, loop, stop = held[0]
    yield server
    loop.call_soon_threadsafe(stop.set)
    thread.join()
