"""What the history record says about each way a prompt can end."""

import json

import pytest

from app.queue.base import Outcome


@pytest.mark.parametrize(
    ("state", "status", "completed"),
    [("success", "success", True), ("error", "error", False), ("interrupted", "error", False)],
)
def test_only_success_is_complete(state: str, status: str, completed: bool) -> None:
    told = json.loads(Outcome(state=state, messages=()).to_json())["status"]
    assert (told["status_str"], told["completed"]) == (status, completed)
