"""Searching texts by patterns: what is found, and patterns that would never end."""

import re
import time

import pytest

from app.inference.text.extract import MODES, GroupTookNoPart, PatternTooCostly, extract

ENDLESS = "(a+)+$", "a" * 40 + "b"


def find(text: str, pattern: str, mode: str = "First Match", flags: int = 0, group: int = 1) -> str | None:
    return extract(text, pattern, mode, flags=flags, group=group)


@pytest.mark.parametrize("mode", MODES)
def test_a_pattern_that_does_not_end_is_stopped(mode: str) -> None:
    pattern, text = ENDLESS
    start = time.perf_counter()
    with pytest.raises(PatternTooCostly, match=re.escape(pattern)):
        find(text, pattern, mode)
    assert time.perf_counter() - start < 10  # a stop has to act within ten seconds


def test_what_comes_back_is_text_and_never_code() -> None:
    hostile = '"""\'); import os; os._exit(3) #\\ \x00 ü \U0001f600 \ud800'
    assert find(hostile, ".*", flags=re.DOTALL) == hostile
    assert find(hostile, re.escape(hostile)) == hostile


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pattern", ["(", "[", "*", "(?P<a", "a{2,1}", r"\1", "(?<=a+)b"])
def test_a_pattern_that_is_none_finds_nothing(mode: str, pattern: str) -> None:
    assert find("abc", pattern, mode) == ""


def test_flags_count() -> None:
    assert find("A", "a") == ""
    assert find("A", "a", flags=re.IGNORECASE) == "A"
    assert find("x\ny", "^y", flags=re.MULTILINE) == "y"
    assert find("x\ny", "x.y", flags=re.DOTALL) == "x\ny"


def test_a_group_that_took_no_part_has_no_text() -> None:
    assert find("cat", "(zebra)?cat", "First Group") is None
    assert find("cat dog cat", "(zebra)?cat", "All Matches") == "\n"
    with pytest.raises(GroupTookNoPart, match="zebra"):
        find("cat", "(zebra)?cat", "All Groups")


def test_groups_beyond_the_last_are_empty() -> None:
    assert find("a1", r"a(\d)", "First Group", group=2) == ""
    assert find("a1", r"a(\d)", "All Groups", group=2) == ""
    assert find("a1 a2", r"a(\d)", "All Groups", group=0) == "a1\na2"
