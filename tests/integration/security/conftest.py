"""Servers under test: on loopback without login, demanding a token, or with a policy of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.api.auth import AccessPolicy
from tests.integration.security.running_app import TOKEN, PolicyServer, Running, serving


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Running]:
    """A server on loopback without login."""
    async with serving(tmp_path, AccessPolicy()) as running:
        yield running


@pytest.fixture
async def exposed(tmp_path: Path) -> AsyncIterator[Running]:
    """A server that demands its token."""
    async with serving(tmp_path, AccessPolicy(token=TOKEN)) as running:
        yield running


@pytest.fixture
def serve_with(tmp_path: Path) -> PolicyServer:
    """A server with a policy of the test's own."""
    return lambda policy: serving(tmp_path, policy)
