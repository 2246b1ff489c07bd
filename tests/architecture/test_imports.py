"""Which room may import which: the contracts of pyproject.toml, and what they cannot say."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import tree

SERVER_ROOMS = (
    "graph",
    "protocol",
    "files",
    "store",
    "events",
    "queue",
    "engine",
    "actions",
    "api",
    "commands",
)
SERVER_FILES = ("cli", "log", "settings", "wiring")
HEAVY = ("torch", "diffusers", "transformers", "safetensors", "numpy", "scipy")


def test_import_contracts_hold() -> None:
    done = tree.run(Path(sys.executable).parent / "lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", tree.modules("graph"), ids=tree.dotted_name)
def test_graph_imports_only_the_standard_library_and_msgspec(path: Path) -> None:
    strangers = {name for name in imported_names(path) if not allowed_in_graph(name)}
    assert not strangers


def allowed_in_graph(name: str) -> bool:
    top = name.split(".")[0]
    return top in sys.stdlib_module_names or top == "msgspec" or name.startswith("app.graph")


def imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_importing_the_whole_server_loads_no_tensor_library() -> None:
    names = [tree.dotted_name(path) for path in tree.modules(*SERVER_ROOMS)]
    names += [f"app.{name}" for name in SERVER_FILES]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = tree.run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
