"""Sends new log lines to the clients that asked for them with PATCH /internal/logs/subscribe."""

import asyncio
import contextlib

from app.events.hub import EventHub
from app.events.messages import CustomEvent
from app.events.recent_logs import RecentLogs

MOST_SUBSCRIBERS = 1000


class LogFeed:
    """Who wants to hear log lines, also when it comes back under its name."""

    def __init__(self, logs: RecentLogs, hub: EventHub) -> None:
        self._logs = logs
        self._hub = hub
        self._subscribers: dict[str, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def subscribe(self, client_id: str) -> None:
        """From now on the client hears every line; to be called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._subscribers[client_id] = None
        if len(self._subscribers) > MOST_SUBSCRIBERS:
            del self._subscribers[next(iter(self._subscribers))]
        self._logs.listen(self._heard)

    def unsubscribe(self, client_id: str) -> None:
        """The client hears no more lines."""
        self._subscribers.pop(client_id, None)

    def _heard(self, moment: str, text: str) -> None:
        """Any thread may log."""
        if self._subscribers and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._send, moment, text)

    def _send(self, moment: str, text: str) -> None:
        line = CustomEvent(kind="logs", data={"entries": [{"t": moment, "m": text}], "size": None})
        for client_id in self._subscribers:
            self._hub.publish_to(client_id, line)
