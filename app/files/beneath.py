"""Reading, writing and removing files under a root so that swapped links cannot lead out; used by routes.

A path is resolved first, compared with the root, and then opened segment by segment with O_NOFOLLOW:
if any segment became a link after the comparison, opening fails. Windows has no directory handles; there
the comparison alone has to do.
"""

import contextlib
import errno
import io
import os
import secrets
import stat
from collections.abc import Generator
from pathlib import Path

from app.files.errors import FileNotAvailable, OutOfDiskSpace, UnsafeName
from app.files.safe_names import contained, not_available

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers that mean: there is no room for this file."""

_HANDLES = os.open in os.supports_dir_fd
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_DIRECTORY = getattr(os, "O_DIRECTORY", 0)


def open_file(root: Path, parts: tuple[str, ...]) -> io.BufferedReader:
    """An existing regular file under `root`, open for reading; raises FileNotAvailable."""
    top, inner = _resolved(root, parts)
    if not inner:
        raise not_available(parts)
    try:
        with _directory(top, inner[:-1]) as folder:
            handle = _open(folder, top, inner, os.O_RDONLY | _NONBLOCK)
    except OSError as exc:
        raise not_available(parts) from exc
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise not_available(parts)
    return os.fdopen(handle, "rb")


def write_file(root: Path, parts: tuple[str, ...], content: bytes, *, overwrite: bool = True) -> None:
    """Write a file under `root`, whole or not at all; missing folders are made.

    Raises FileNotAvailable when links lead out, FileExistsError when it exists and `overwrite` is False,
    UnsafeName when a folder has that name (or a file stands where a folder is needed), OutOfDiskSpace.
    """
    top, inner = _resolved(root, parts)
    if not inner:
        raise UnsafeName("A file needs a name.")
    try:
        with _directory(top, inner[:-1], create=True) as folder:
            _replace(folder, top, inner, content, overwrite=overwrite)
    except FileExistsError:
        raise
    except (NotADirectoryError, IsADirectoryError) as exc:
        raise UnsafeName(f"A folder or file is in the way of {'/'.join(parts)[:200]!r}.") from exc
    except OSError as exc:
        raise write_failure(exc, "/".join(parts)) from exc


def remove_file(root: Path, parts: tuple[str, ...]) -> None:
    """Remove a regular file under `root`; raises FileNotAvailable."""
    top, inner = _resolved(root, parts)
    if not inner:
        raise not_available(parts)
    try:
        with _directory(top, inner[:-1]) as folder:
            if _HANDLES:
                os.unlink(inner[-1], dir_fd=folder)
            else:
                top.joinpath(*inner).unlink()
    except OSError as exc:
        raise not_available(parts) from exc


def write_failure(exc: OSError, name: str) -> FileNotAvailable | OutOfDiskSpace:
    """The error to raise for a failed write of `name`."""
    if exc.errno in FULL:
        return OutOfDiskSpace(
            f"There is no room on the disk (or in the quota) for {name[:200]!r}; free some space and retry."
        )
    return FileNotAvailable(f"The file {name[:200]!r} cannot be written: {exc.strerror or exc}.")


def _resolved(root: Path, parts: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    top = root.resolve()
    return top, contained(root, parts).relative_to(top).parts


@contextlib.contextmanager
def _directory(top: Path, parts: tuple[str, ...], *, create: bool = False) -> Generator[int]:
    if not _HANDLES:
        if create:
            top.joinpath(*parts).mkdir(parents=True, exist_ok=True)
        yield -1
        return
    handle = os.open(top, os.O_RDONLY | _DIRECTORY)
    try:
        for part in parts:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            inner = os.open(part, os.O_RDONLY | _DIRECTORY | _NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _open(folder: int, top: Path, inner: tuple[str, ...], flags: int, mode: int = 0o666) -> int:
    if _HANDLES:
        return os.open(inner[-1], flags | _NOFOLLOW, mode, dir_fd=folder)
    return os.open(top.joinpath(*inner), flags | getattr(os, "O_BINARY", 0), mode)


def _replace(folder: int, top: Path, inner: tuple[str, ...], content: bytes, *, overwrite: bool) -> None:
    name = inner[-1]
    temporary = f".{secrets.token_hex(8)}.upload"
    place = (*inner[:-1], temporary)
    source, target = top.joinpath(*place), top.joinpath(*inner)
    at = folder if _HANDLES else None
    handle = _open(folder, top, place, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if overwrite:
            os.replace(
                temporary if _HANDLES else source, name if _HANDLES else target, src_dir_fd=at, dst_dir_fd=at
            )
            return
        os.link(  # unlike a rename, a link never replaces: of two writers one gets FileExistsError
            temporary if _HANDLES else source, name if _HANDLES else target, src_dir_fd=at, dst_dir_fd=at
        )
        os.unlink(temporary if _HANDLES else source, dir_fd=at)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary if _HANDLES else source, dir_fd=at)
        raise
