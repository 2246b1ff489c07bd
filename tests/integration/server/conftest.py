"""Servers for the tests of routes and sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.integration.server.live import Live, live
from tests.stub_engine import Script

ServeWith = Callable[[Script], AbstractAsyncContextManager[Live]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Live]:
    """A server whose prompts succeed at once."""
    async with live(tmp_path / "base") as running:
        yield running


@pytest.fixture
def serve_with(tmp_path: Path) -> ServeWith:
    """A server whose prompts follow a script."""
    return lambda script: live(tmp_path / "base", script)
