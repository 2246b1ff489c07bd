"""Finds parts of a text by a regular expression within a time limit; the extraction node calls it.

Some patterns take longer than the universe will last, and Python cannot stop a match that runs. So it runs in
a process of its own, which can be ended.
"""

import json
import subprocess
import sys

LIMIT_S = 3.0
"""Far more than a sensible pattern takes, short enough that a stop is obeyed in time (security rule R18)."""

MODES = ("First Match", "All Matches", "First Group", "All Groups")

_PROGRAM = """
import json, re, sys
given = json.load(sys.stdin)
try:
    pattern = re.compile(given["pattern"], given["flags"])
except (re.error, OverflowError, RecursionError):
    found = []
else:
    matches = pattern.finditer(given["text"])
    if given["first"]:
        matches = filter(None, [next(matches, None)])
    found = [[match[0], *match.groups()] for match in matches]
json.dump(found, sys.stdout)
"""


class PatternTooCostly(Exception):
    """The pattern needs too long or too much memory on this text. Another pattern will work."""

    code = "pattern_too_costly"


class GroupTookNoPart(Exception):
    """A group that is asked for is not part of the match, so it has no text."""

    code = "group_took_no_part"


def extract(text: str, pattern: str, mode: str, *, flags: int, group: int) -> str | None:
    """What `pattern` finds in `text`, in the syntax of Python's `re`.

    First Match: the whole match. All Matches: one line per match, of its first group if the pattern has any.
    First Group: group `group` of the first match (0: all of it), None for a group that took no part. All
    Groups: one line per match, of its group `group`; none for a pattern without groups. Where nothing is
    found, and for a pattern that is none, the result is empty. Raises PatternTooCostly, GroupTookNoPart.
    """
    found = _matches(text, pattern, flags, first=mode.startswith("First"))
    match mode:
        case "First Match":
            return found[0][0] if found else ""
        case "First Group":
            return found[0][group] if found and group < len(found[0]) else ""
        case "All Matches":
            return "\n".join((each[1] or "") if len(each) > 1 else str(each[0]) for each in found)
        case _:
            groups = [each[group] for each in found if len(each) > 1 and group < len(each)]
            if None in groups:
                raise GroupTookNoPart(
                    f"Group {group} of the pattern {pattern[:100]!r} is optional and missing in a match: "
                    "make it match the empty text instead."
                )
            return "\n".join(str(each) for each in groups)


def _matches(text: str, pattern: str, flags: int, *, first: bool) -> list[list[str | None]]:
    given = json.dumps({"text": text, "pattern": pattern, "flags": flags, "first": first})
    try:
        done = subprocess.run(  # noqa: S603  our own program; what users give comes over its input
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=given,
            capture_output=True,
            check=True,
            encoding="ascii",
            timeout=LIMIT_S,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as exc:
        raise PatternTooCostly(
            f"The pattern {pattern[:100]!r} did not come to an end within {LIMIT_S:g} s on this text: avoid "
            "repetitions inside repetitions, such as (a+)+."
        ) from exc
    found: list[list[str | None]] = json.loads(done.stdout)
    return found
