"""Sets up the log of the server process; called by cli, once."""

import logging
import re
import sys

from app.events.recent_logs import RecentLogs

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class _Line(logging.Formatter):
    """One line per record; control characters of foreign text are written out: nobody forges lines."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        head, *rest = text.split("\n")
        return "\n    ".join(_UNSAFE.sub(_escaped, line) for line in (head, *rest))


def set_up_log(level: str = "INFO") -> RecentLogs:
    """Log to standard error; returns the handler that keeps the last lines for the API."""
    screen = logging.StreamHandler(sys.stderr)
    screen.setFormatter(_Line("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    recent = RecentLogs()
    recent.setFormatter(_Line("%(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers = [screen, recent]
    root.setLevel(level)
    for chatty in ("aiosqlite", "asyncio", "alembic", "uvicorn.access", "PIL"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return recent


def _escaped(found: re.Match[str]) -> str:
    return f"\\x{ord(found.group()):02x}"
