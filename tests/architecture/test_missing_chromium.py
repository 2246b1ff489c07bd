"""Without a Chromium the browser tests are skipped, and in CI they fail; both say what to install."""

from pathlib import Path

import pytest

from tests.e2e.conftest import find_chromium

SENTENCE = "no Chromium found; install the package `chromium` to run the browser tests"


@pytest.fixture(autouse=True)
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception) as failed:
        find_chromium()

    assert failed.value.msg == SENTENCE


def test_elsewhere_the_tests_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception) as skipped:
        find_chromium()

    assert skipped.value.msg == SENTENCE
