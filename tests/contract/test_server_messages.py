"""The examples that the page's tests read are what the server sends now, and there is one of every kind."""

import re
from typing import get_args

from app.events.messages import CustomEvent, Message
from tests.architecture import tree
from tests.contract import write_server_messages


def test_the_page_s_examples_are_what_the_server_sends_now() -> None:
    assert write_server_messages.COMMITTED.read_text() == write_server_messages.fixture(), (
        "run .venv/bin/python -m tests.contract.write_server_messages, let the page read what has changed"
        " (frontend/src/api/server-messages.test.ts), and commit both"
    )


def test_there_is_an_example_of_every_message() -> None:
    assert {type(each) for each in write_server_messages.messages().values()} == set(get_args(Message))


def test_there_is_an_example_of_every_custom_event() -> None:
    sources = "".join(path.read_text() for path in (tree.ROOT / "app").rglob("*.py"))
    made = re.findall(r'CustomEvent\(\s*kind="(\w+)"', sources)
    examples = write_server_messages.messages().values()
    assert set(made) == {each.kind for each in examples if isinstance(each, CustomEvent)}
    assert made
