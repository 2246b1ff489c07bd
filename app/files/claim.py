"""Keeps two servers from using the same data folders; taken by wiring for as long as the server runs."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Generator
from pathlib import Path


class FoldersInUse(Exception):
    """Another server uses these data folders."""

    def __init__(self, state: Path, owner: str) -> None:
        super().__init__(
            f"The data folder {state.parent} is used by another Comfy Creator (process {owner or '?'}): "
            "stop that one, or choose another folder with --base-directory."
        )


@contextlib.contextmanager
def claimed(state: Path) -> Generator[None]:
    """Hold the lock on a state folder; raises FoldersInUse. The system drops it when the process ends."""
    handle = os.open(state / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(handle, state)
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)


def _lock(handle: int, state: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise FoldersInUse(state, os.read(handle, 20).decode("ascii", "replace")) from exc
        # A file system without locks: nothing can be promised, so nothing is refused.
