"""Output files: the next free name for a prefix, and writing whole files or none; used by nodes that save."""

import contextlib
import io
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from app.files.beneath import write_failure
from app.files.errors import UnsafeName
from app.files.safe_names import contained, relative_parts, safe_segment

BATCH_TOKEN = "%batch_num%"  # noqa: S105  a placeholder in file names, not a secret


@dataclass(frozen=True, kw_only=True)
class OutputTarget:
    """Where the next files of a prefix go: `counter` is the first free number."""

    folder: Path
    filename: str
    counter: int
    subfolder: str

    def name(self, index: int = 0, suffix: str = ".png") -> str:
        """File name of picture `index` of this run, such as `ComfyUI_00007_.png`."""
        stem = self.filename.replace(BATCH_TOKEN, str(index))
        return safe_segment(f"{stem}_{self.counter + index:05}_{suffix}")

    def path(self, index: int = 0, suffix: str = ".png") -> Path:
        """Full path of picture `index` of this run."""
        return self.folder / self.name(index, suffix)


def next_output(root: Path, prefix: str, width: int = 0, height: int = 0) -> OutputTarget:
    """The place for files called `prefix` under `root`; its folder is made.

    `%width% %height% %year% %month% %day% %hour% %minute% %second%` are filled in; slashes make subfolders.
    The counter is one more than the highest in use. Raises UnsafeName or FileNotAvailable when the prefix
    leaves `root`.
    """
    text = _fill_in(prefix, width, height).replace("\\", "/")
    subfolder, _, filename = text.rpartition("/")
    if text.startswith("/"):
        raise UnsafeName(f"The file name prefix {prefix[:80]!r} leaves the output folder; make it relative.")
    parts = relative_parts(subfolder)
    if filename:
        safe_segment(filename)
    folder = contained(root, parts)
    folder.mkdir(parents=True, exist_ok=True)
    return OutputTarget(
        folder=folder,
        filename=filename,
        counter=_highest(folder, filename) + 1,
        subfolder="/".join(parts),
    )


def _fill_in(prefix: str, width: int, height: int) -> str:
    now = datetime.now().astimezone()
    tokens = {
        "width": str(width),
        "height": str(height),
        "year": f"{now:%Y}",
        "month": f"{now:%m}",
        "day": f"{now:%d}",
        "hour": f"{now:%H}",
        "minute": f"{now:%M}",
        "second": f"{now:%S}",
    }
    return re.sub(r"%(\w+)%", lambda match: tokens.get(match[1], match[0]), prefix)


def _highest(folder: Path, filename: str) -> int:
    literal = r"\d+".join(map(re.escape, filename.split(BATCH_TOKEN)))
    numbered = re.compile(rf"{literal}_(\d+)_?(\..*)?", re.IGNORECASE)
    matches = (numbered.fullmatch(each.name) for each in folder.iterdir())
    return max((int(match[1]) for match in matches if match), default=0)


class _Sink(io.FileIO):
    """A file that hides its handle, so that encoders write through Python and report a full disk properly."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def write_atomically(path: Path, writer: Callable[[BinaryIO], object]) -> None:
    """Let `writer` fill a file that appears at `path` only when it is complete.

    On any failure nothing is left behind. Raises OutOfDiskSpace at the limit of disk, quota or file size.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with io.BufferedWriter(_Sink(temporary, "xb")) as file:
            writer(file)
        temporary.replace(path)
    except OSError as exc:
        raise write_failure(exc, path.name) from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
