"""The lock files: complete, hashed, and free of what differs between package sources."""

import itertools
import re
import tomllib

import pytest

from tests.architecture import tree

LOCKS = ("requirements.lock", "requirements-dev.lock")
REQUIREMENT = re.compile(r"^([a-z0-9-]+)==(\S+)( ; .*)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def locked(*names: str) -> set[str]:
    lines = "\n".join((tree.ROOT / name).read_text() for name in names).splitlines()
    return {found[1] for line in lines if (found := REQUIREMENT.match(line))}


def wanted(*extras: str) -> set[str]:
    project = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"]]
    for extra in extras:
        requirements += project["optional-dependencies"][extra]
    return {re.split(r"[\[<>=]", text)[0].lower().replace("_", "-") for text in requirements}


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_a_pin_with_hashes(name: str) -> None:
    lines = [line for line in (tree.ROOT / name).read_text().splitlines() if not line.startswith("#")]
    strangers = [line for line in lines if not REQUIREMENT.match(line) and not HASH.match(line)]
    assert strangers == []
    assert [line for line, after in itertools.pairwise(lines) if not_hashed(line, after)] == []


def not_hashed(line: str, after: str) -> bool:
    return REQUIREMENT.match(line) is not None and HASH.match(after) is None


def test_what_only_one_build_of_torch_needs_is_left_out() -> None:
    assert not {name for name in locked(*LOCKS) if re.match(r"(torch|triton|nvidia-.*|cuda-.*)$", name)}


def test_run_lock_covers_server_and_executor() -> None:
    assert wanted("executor") - {"torch"} <= locked("requirements.lock")


def test_both_locks_cover_development() -> None:
    assert wanted("executor", "dev") - {"torch"} <= locked(*LOCKS)


def test_torch_pin_satisfies_the_project() -> None:
    pin = re.search(
        r"^torch==(\d+)\.(\d+)\.\d+$", (tree.ROOT / "requirements-torch.lock").read_text(), re.MULTILINE
    )
    assert pin is not None
    assert (int(pin[1]), int(pin[2])) >= (2, 10)
