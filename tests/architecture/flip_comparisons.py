"""Flips each comparison of the rooms that decide most and lists those no test notices; `make flip` calls it.

Works in a copy of the project. Each flip (`<` becomes `<=`, `==` becomes `!=`, `in` becomes `not in`) gets
one run of the room's tests, which stops at the first failure. A survivor is a comparison that could be wrong
unseen.
"""

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    "graph": ["tests/unit/graph", "tests/property/test_plan.py"],
    "queue": ["tests/unit/queue", "tests/unit/store", "tests/property/test_queue.py"],
    "inference/samplers": ["tests/unit/inference"],
}
LIMIT_S = 300
FLIPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}


@dataclass(frozen=True, kw_only=True)
class Flip:
    """One changed comparison: where it is, and the module's text with it."""

    line: int
    before: str
    after: str
    source: str


def flips(source: str) -> Iterator[Flip]:
    """Every way to flip one operator of one comparison in this module."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        before = ast.unparse(node)
        for position, operator in enumerate(node.ops):
            for other in FLIPS[type(operator)]:
                node.ops[position] = other()
                yield Flip(line=node.lineno, before=before, after=ast.unparse(node), source=ast.unparse(tree))
            node.ops[position] = operator


def main() -> int:
    """Try every flip of the rooms that were named; the exit status is 1 when one survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rooms", nargs="*", choices=[*ROOMS, []], help="default: all")
    rooms = parser.parse_args().rooms or list(ROOMS)
    survivors: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        copy = copy_project(Path(scratch))
        for room in rooms:
            tests = [folder for folder in ROOMS[room] if (copy / folder).exists()]
            require_green(copy, room, tests)
            for module in sorted((copy / "app" / room).rglob("*.py")):
                survivors += list(try_module(copy, module, tests))
    say(f"{len(survivors)} comparisons could be flipped unnoticed")
    for survivor in survivors:
        say(f"  {survivor}")
    return 1 if survivors else 0


def copy_project(scratch: Path) -> Path:
    """The parts that tests read, in a folder that may be changed."""
    copy = scratch / "project"
    for name in ("app", "tests", "migrations", "static"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def require_green(copy: Path, room: str, tests: list[str]) -> None:
    """End the script when the unchanged room does not pass: then nothing can be said about flips."""
    began = time.monotonic()
    if not passes(copy, tests):
        sys.exit(
            f"the tests of {room} fail without any flip: run pytest {' '.join(tests)} and repair them first"
        )
    say(f"{room}: {', '.join(tests)} take {time.monotonic() - began:.0f} s a flip")


def try_module(copy: Path, module: Path, tests: list[str]) -> Iterator[str]:
    """Flip one by one; yields the survivors as text."""
    original = module.read_text()
    try:
        for flip in flips(original):
            module.write_text(flip.source)
            noticed = not passes(copy, tests)
            where = f"{module.relative_to(copy)}:{flip.line}: {flip.before}  ->  {flip.after}"
            say(f"{'noticed ' if noticed else 'SURVIVED'} {where}")
            if not noticed:
                yield where
    finally:
        module.write_text(original)


def passes(copy: Path, tests: list[str]) -> bool:
    """Whether the tests pass; an endless loop counts as noticed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, timeout=LIMIT_S, check=False)  # noqa: S603  fixed command
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def say(text: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
