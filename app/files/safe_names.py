"""Names that are safe: relative paths from strangers, checked before anything is opened."""

import re
from pathlib import Path

from app.files.errors import EscapingName, FileNotAvailable, UnsafeName

MAX_SEGMENT_BYTES = 255
"""Longest file name that common file systems take, in UTF-8 bytes."""

MAX_PATH_CHARACTERS = 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"^[A-Za-z]:")
_DEVICE = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?$", re.IGNORECASE)


def safe_segment(name: str) -> str:
    """`name` itself if it is a plain file or folder name; raises UnsafeName."""
    problem = _problem(name)
    if problem is not None:
        raise UnsafeName(f"The name {name[:80]!r} {problem}; choose another name.")
    return name


def _problem(name: str) -> str | None:
    if name in ("", ".", ".."):
        return "does not name a file"
    if "/" in name or "\\" in name:
        return "holds a path separator"
    if _CONTROL.search(name):
        return "holds a control character"
    if _DRIVE.match(name):
        return "starts with a drive letter"
    if _DEVICE.match(name):
        return "is reserved for a device"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    return "is too long" if size > MAX_SEGMENT_BYTES else None


def relative_parts(text: str) -> tuple[str, ...]:
    """The segments of a relative path; a backslash separates like a slash. Empty text gives no segments.

    Raises UnsafeName for absolute paths, drives, network shares, `..`, device names and control characters.
    """
    if len(text) > MAX_PATH_CHARACTERS:
        raise UnsafeName(f"The path is longer than {MAX_PATH_CHARACTERS} characters; choose a shorter one.")
    if not text:
        return ()
    segments = text.replace("\\", "/").split("/")
    if segments[0] == "" or ".." in segments or _DRIVE.match(text):
        raise EscapingName(f"The path {text[:80]!r} leads out of its folder; name it relative to it.")
    return tuple(safe_segment(each) for each in segments if each)


def contained(root: Path, parts: tuple[str, ...]) -> Path:
    """The fully resolved path of `parts` under `root`; it need not exist.

    Raises FileNotAvailable when links lead out of `root`. Between this check and opening the file somebody
    may swap a link in: read and write through `app.files.beneath`, which cannot be raced.
    """
    top = root.resolve()
    try:
        path = top.joinpath(*parts).resolve()
    except (OSError, RuntimeError) as exc:
        raise not_available(parts) from exc
    if not path.is_relative_to(top):
        raise not_available(parts)
    return path


def not_available(parts: tuple[str, ...]) -> FileNotAvailable:
    """The one answer for files that are missing and for files that must not be named."""
    return FileNotAvailable(f"There is no file {'/'.join(parts)[:200]!r} here.")
