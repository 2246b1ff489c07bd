"""The last lines of the log, for people who look at the server through its API."""

import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

KEPT_LINES = 1000


class RecentLogs(logging.Handler):
    """A logging handler that keeps the newest lines."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[tuple[str, str]] = deque(maxlen=KEPT_LINES)
        self._listener: Callable[[str, str], None] | None = None

    def listen(self, listener: Callable[[str, str], None]) -> None:
        """Call this with time and text of every new line, from the thread that logs."""
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = self.format(record)
        self._lines.append((moment, text))
        if self._listener is not None:
            self._listener(moment, text)

    def recent(self) -> list[tuple[str, str]]:
        """Time (ISO 8601) and text of the kept lines, oldest first."""
        return list(self._lines)
