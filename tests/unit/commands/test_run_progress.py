"""The progress bar of `comfy-creator run`, as a terminal shows it."""

import io
import sys

import pytest

from app.commands.run_progress import Progress

PROMPT = {"3": {"class_type": "KSampler"}, "8": {"class_type": "VAEDecode", "_meta": {"title": "VAE Decode"}}}


class Terminal(io.StringIO):
    """Keeps what is written to it, and says that somebody watches."""

    def isatty(self) -> bool:
        """As a terminal."""
        return True


def shown(monkeypatch: pytest.MonkeyPatch, file: io.StringIO) -> str:
    monkeypatch.setattr(sys, "stderr", file)
    with Progress(PROMPT) as progress:
        progress.show("executing", {"node": "3"})
        progress.show("progress", {"value": 20, "max": 20})
        progress.show("executing", {"node": "8"})
    return file.getvalue()


def test_steps_of_one_node_are_not_shown_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    text = shown(monkeypatch, Terminal())
    assert "VAE Decode" in text
    assert "0/?" in text[text.rindex("VAE Decode") :]


def test_nothing_is_shown_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == ""
