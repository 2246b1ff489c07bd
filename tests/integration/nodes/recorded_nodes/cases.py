"""The recorded node cases, and what of them does not run yet; the harness and its runners read it."""

import json
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

Case: TypeAlias = dict[str, Any]

GOLDEN = Path(__file__).parents[3] / "golden"


@cache
def all_cases() -> tuple[Case, ...]:
    """Every recorded case."""
    return tuple(json.loads((GOLDEN / "nodes.json").read_text(encoding="utf-8"))["cases"])


def cases(*nodes: str) -> list[Case]:
    """All recorded cases of these node classes."""
    return [case for case in all_cases() if case["node"] in nodes]


def case_name(case: Case) -> str:
    """How a case is called in test reports."""
    return f"{case['node']}-{case['case']}"


def kind(case: Case) -> tuple[str | None, str]:
    """Fixture (None: the node's inputs are all there is) and node class: what decides how a case is run."""
    return case.get("fixture"), case["node"]
