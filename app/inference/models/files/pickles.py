"""What is done with pickled model files: refused, or read through a copy that a child process makes.

A pickle can run code when it is opened. The child opens it with torch's `weights_only`, which allows tensors
and plain containers alone. `memory/model_store.py` asks before it reads a file.
"""

import hashlib
import logging
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.inference.models.errors import PickleUnreadable
from app.inference.models.files.model_file import is_pickle, pickle_refused

logger = logging.getLogger(__name__)

CONVERTER = "app.inference.models.files.convert_pickle"
LIMIT_S = 1800  # reading and writing tens of gigabytes from a slow disk


@dataclass(frozen=True, kw_only=True)
class Pickles:
    """The rule for pickled files: `copies` is the folder for their copies; None refuses them."""

    copies: Path | None = None

    def readable(self, path: Path) -> Path:
        """The file to read in place of `path`: the file itself, or the copy of a pickle.

        Raises PickleRefused where pickles are refused, PickleUnreadable where no copy can be made.
        """
        if not path.is_file() or not is_pickle(path):
            return path
        if self.copies is None:
            raise pickle_refused(path)
        copy = self.copies / _copy_name(path)
        if not copy.exists():
            self.copies.mkdir(parents=True, exist_ok=True)
            _convert(path, copy)
        return copy


REFUSED = Pickles()


def _copy_name(path: Path) -> str:
    """Another name for every state of every file, which ends as the file's: that tells some nets apart."""
    status = path.stat()
    state = f"{path.resolve()}|{status.st_mtime_ns}|{status.st_size}"
    return f"{hashlib.sha256(state.encode()).hexdigest()[:16]}-{path.stem[-80:]}.safetensors"


def _convert(path: Path, copy: Path) -> None:
    logger.info("%s is a pickle; a copy without code is made first", path.name)
    with tempfile.TemporaryDirectory(dir=copy.parent) as folder:
        made = Path(folder) / copy.name
        command = [sys.executable, "-m", CONVERTER, str(path), str(made)]
        try:
            done = subprocess.run(  # noqa: S603  our own module; the file names are single arguments
                command, capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _unreadable(path, str(error)) from error
        if done.returncode:
            raise _unreadable(path, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "")
        made.replace(copy)


def _unreadable(path: Path, why: str) -> PickleUnreadable:
    return PickleUnreadable(
        path,
        f"is a Python pickle of which no safe copy can be made: {why or 'the converter ended early'}",
        "Download the .safetensors version of this model.",
    )
