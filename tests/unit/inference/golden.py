"""Reads the recorded reference numbers; used by the tests of inference."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "golden"


def golden(name: str) -> Any:
    """The parsed file of this name."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
