"""The access token on disk: made once, readable by its owner only; for wiring and `comfy-creator token`."""

import contextlib
import os
import re
import secrets
from pathlib import Path

_SHAPE = re.compile(r"[A-Za-z0-9_-]{22,256}")


class BadToken(Exception):
    """The token file does not hold a token."""


def read_or_make_token(path: Path) -> str:
    """The token in `path`; a new one of 256 random bits with mode 0600 when there is no such file.

    Raises BadToken for a file that holds something else, OSError when it cannot be read or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        return _make(path)
    token = path.read_text(encoding="ascii", errors="replace").strip()
    if not _SHAPE.fullmatch(token):
        raise BadToken(
            f"{path} holds no token (22 to 256 letters, digits, - or _); remove the file for a new one."
        )
    path.chmod(0o600)
    return token


def _make(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token
