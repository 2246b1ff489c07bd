"""Log lines for the clients that asked for them."""

import logging
from collections.abc import AsyncIterator

import pytest

from app.events.messages import QueueChanged
from tests.integration.server.live import Live, received_until

LOGGER = logging.getLogger("tests.log_feed")


@pytest.fixture
async def logging_server(server: Live) -> AsyncIterator[Live]:
    """A server that keeps what is logged here."""
    LOGGER.addHandler(server.logs)
    yield server
    LOGGER.removeHandler(server.logs)


async def _want(server: Live, client_id: str, *, enabled: bool) -> None:
    body = {"clientId": client_id, "enabled": enabled}
    assert (await server.http.patch("/internal/logs/subscribe", json=body)).status_code == 200


async def test_who_subscribed_hears_every_new_line_until_it_has_had_enough(logging_server: Live) -> None:
    LOGGER.warning("too early")
    async with logging_server.socket("one") as socket, logging_server.socket("two") as other:
        for each in (socket, other):
            await received_until(each, lambda kind, _: kind == "status")
        await _want(logging_server, "one", enabled=True)
        LOGGER.warning("größer")
        _, data = (await received_until(socket, lambda kind, _: kind == "logs"))[-1]
        assert [entry["m"] for entry in data["entries"]] == ["größer"]
        assert data["entries"][0]["t"].startswith("20")
        assert data["size"] is None

        await _want(logging_server, "one", enabled=False)
        await _want(logging_server, "two", enabled=True)
        LOGGER.warning("for the other")
        heard = await received_until(other, lambda kind, _: kind == "logs")
        assert [kind for kind, _ in heard].count("logs") == 1
        logging_server.core.hub.publish(QueueChanged(queue_remaining=7))
        heard = await received_until(socket, lambda kind, _: kind == "status")
        assert [kind for kind, _ in heard] == ["status"]


@pytest.mark.parametrize(
    "body", [[], {}, {"clientId": 1, "enabled": True}, {"clientId": "a", "enabled": "yes"}]
)
async def test_another_body_is_refused(server: Live, body: object) -> None:
    answer = await server.http.patch("/internal/logs/subscribe", json=body)
    assert answer.status_code == 400
    assert "clientId" in answer.json()["error"]
