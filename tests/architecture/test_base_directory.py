"""The base directory that nobody named: the clone's `workspace` for every command, and what overrides it."""

import os
from pathlib import Path

import pytest

from app.settings import Settings
from tests.architecture import tree


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CC_")]:
        monkeypatch.delenv(name)


def test_a_clone_uses_its_workspace_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert Settings.model_validate({}).base == tree.ROOT / "workspace"


def test_flag_comes_before_variable_before_file_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f'base_directory = "{tmp_path / "file"}"\n')
    given = {"config": file}

    assert Settings.model_validate(given).base == tmp_path / "file"
    monkeypatch.setenv("CC_BASE_DIRECTORY", str(tmp_path / "variable"))
    assert Settings.model_validate(given).base == tmp_path / "variable"
    assert Settings.model_validate({**given, "base_directory": tmp_path / "flag"}).base == tmp_path / "flag"


@pytest.mark.parametrize("target", ["run", "migrate"])
def test_make_leaves_folder_and_port_to_the_settings(target: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("PORT", "ARGS")}

    shown = tree.run("make", "--dry-run", target, env={**environment, "MAKEFLAGS": ""}).stdout

    assert "-m app" in shown
    assert "--base-directory" not in shown
    assert "--port" not in shown


@pytest.mark.parametrize("place", ["command line", "environment"])
def test_make_run_hands_a_given_port_to_the_server(place: str) -> None:
    words = ["PORT=8199"] if place == "command line" else []
    environment = {**os.environ, "MAKEFLAGS": "", **({} if words else {"PORT": "8199"})}

    shown = tree.run("make", "--dry-run", "run", *words, "ARGS=--cpu", env=environment).stdout

    assert '-m app serve --cpu --port "8199"' in shown
