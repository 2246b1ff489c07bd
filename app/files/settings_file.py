"""The editor's settings of one user: a JSON object in `comfy.settings.json`; read and merged by routes."""

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from app.files.beneath import open_file, write_file
from app.files.errors import FileNotAvailable

log = logging.getLogger(__name__)

FILE_NAME = "comfy.settings.json"

_writing = threading.Lock()  # merging is read, change, write


def read_settings(root: Path) -> dict[str, Any]:
    """All settings below the user's `root`; empty when there are none."""
    try:
        with open_file(root, (FILE_NAME,)) as file:
            content: object = json.loads(file.read())
    except FileNotAvailable:
        return {}
    except (ValueError, RecursionError):
        log.warning("the settings file %s is not JSON; defaults are used", root / FILE_NAME)
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def merge_settings(root: Path, changes: Mapping[str, Any]) -> None:
    """Set these settings and keep all others; a file that is not JSON is kept as `.broken`.

    Raises OutOfDiskSpace.
    """
    with _writing:
        current = read_settings(root)
        path = root / FILE_NAME
        if not current and path.is_file() and path.stat().st_size > 2:
            path.replace(path.with_suffix(".json.broken"))
        text = json.dumps({**current, **changes}, indent=2)
        write_file(root, (FILE_NAME,), text.encode())
