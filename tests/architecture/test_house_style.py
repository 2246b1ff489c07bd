"""House rules that no linter knows: file names, first lines, nothing about one developer's machine."""

import ast
from pathlib import Path

import pytest

from tests.architecture import tree

EMPTY_NAMES = {"utils.py", "helpers.py", "common.py", "manager.py", "misc.py"}
# Written in pieces, so that this file does not hold them itself.
FOREIGN = ["/" + "work/", "/" + "root/", ".." + "/shared", "registry." + "npmjs", "files." + "pythonhosted"]


def test_file_names_say_what_a_module_holds() -> None:
    assert [path for path in tree.tracked_files() if path.name in EMPTY_NAMES] == []


@pytest.mark.parametrize("path", tree.modules(), ids=tree.dotted_name)
def test_module_begins_with_one_sentence_about_itself(path: Path) -> None:
    module = ast.parse(path.read_text())
    if path.name == "__init__.py" and not module.body:
        return
    docstring = ast.get_docstring(module)
    assert docstring
    assert docstring.splitlines()[0].endswith(".")


def test_no_file_names_a_path_or_a_package_host_of_the_developer_s_machine() -> None:
    findings = [
        f"{path.relative_to(tree.ROOT)}:{number}: {word}"
        for path in tree.tracked_texts()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        for word in FOREIGN
        if word in line
    ]
    assert findings == []


def test_no_rule_is_switched_off_for_a_folder() -> None:
    import tomllib

    ruff = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert ruff["per-file-ignores"] == {"tests/**": ["S101"], "app/cli.py": ["T20"], "benchmarks/**": ["T20"]}
    assert "ignore" not in ruff
    assert "extend-ignore" not in ruff
