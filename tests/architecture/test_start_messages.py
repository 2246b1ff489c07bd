"""What `make run` says when it cannot start: one sentence with the remedy."""

import importlib.util
import os
import shutil
import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.architecture import tree

CHOOSE = tree.ROOT / ".ci" / "choose-python"
ENVIRONMENT = tree.ROOT / ".ci" / "environment.py"


@pytest.fixture
def environment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", ENVIRONMENT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """An empty folder to be used as PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def choose(programs: Path, **environment: str) -> tuple[int, str, str]:
    done = tree.run("/bin/sh", CHOOSE, cwd=programs, env={"PATH": str(programs), **environment})
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_no_interpreter(programs: Path) -> None:
    status, chosen, message = choose(programs)

    assert (status, chosen) == (1, "")
    assert message.startswith("No Python 3.11 to 3.14 was found: install one")
    assert "apt install python3 python3-venv" in message


def test_interpreter_that_is_too_old_is_not_taken(programs: Path) -> None:
    put(programs, "python3", "exit 1")  # as Python 3.9 answers the question for its version

    assert choose(programs)[0] == 1


def test_newest_interpreter_is_taken(programs: Path) -> None:
    for name in ("python3.11", "python3.13", "python3"):
        put(programs, name, "exit 0")

    assert choose(programs) == (0, str(programs / "python3.13"), "")


def test_interpreter_without_venv_module(programs: Path) -> None:
    put(programs, "python3.12", f'case "$2" in *ensurepip*) exit 1;; esac; exec "{sys.executable}" "$@"')

    status, _, message = choose(programs)

    assert status == 1
    assert message.startswith("python3.12 cannot make a virtual environment: install its venv module")
    assert f"python3.{sys.version_info[1]}-venv" in message


def test_named_interpreter_that_is_none(programs: Path) -> None:
    status, _, message = choose(programs, PYTHON="/nowhere/python")

    assert status == 1
    assert message == (
        "PYTHON=/nowhere/python is no Python 3.11 to 3.14: name another interpreter, or leave PYTHON out."
    )


def test_busy_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = tree.run(sys.executable, ENVIRONMENT, "run", "--port", str(port))

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port} is in use" in done.stderr
    assert f"make run PORT={port + 1}" in done.stderr


@pytest.mark.parametrize("port", ["http", "0", "65536", ""])
def test_port_that_is_none(port: str) -> None:
    done = tree.run(sys.executable, ENVIRONMENT, "run", "--port", port)

    assert done.returncode == 1
    assert f"PORT={port} is no port number" in done.stderr


@pytest.mark.parametrize("place", ["ARGS", "variable", "file", "file named by a variable"])
def test_busy_port_is_found_wherever_the_port_is_set(place: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "settings.toml"
        file.write_text(f"port = {port}\n")
        words = {"ARGS": ["--cpu", f"--port={port}"], "file": ["--config", str(file)]}.get(place, [])
        variables = {"variable": {"CC_PORT": str(port)}, "file named by a variable": {"CC_CONFIG": str(file)}}
        environment = {**os.environ, **variables.get(place, {})}
        done = tree.run(sys.executable, ENVIRONMENT, "run", "--", *words, env=environment)

    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr


def test_port_to_check_is_the_one_that_the_server_takes(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("port = 4\n")
    monkeypatch.delenv("CC_PORT", raising=False)
    monkeypatch.delenv("CC_CONFIG", raising=False)

    assert environment.port_of_server(None, []) == "8188"
    monkeypatch.setenv("CC_CONFIG", str(file))
    assert environment.port_of_server(None, []) == "4"
    monkeypatch.setenv("CC_PORT", "3")
    assert environment.port_of_server(None, []) == "3"
    assert environment.port_of_server(None, ["--listen", "--port", "2"]) == "2"
    assert environment.port_of_server("1", ["--port", "2"]) == "1"
    assert environment.port_of_server(None, ["--port", "0"]) is None  # any free one
    assert environment.port_of_server(None, ["--port"]) is None  # the server says what is wrong


def test_too_little_disk(environment: ModuleType) -> None:
    free = shutil.disk_usage(tree.ROOT).free

    with pytest.raises(environment.CannotPrepare, match="GB are needed: free some space"):
        environment.require_disk(free + 10**9)


def test_failed_installation_says_what_to_do(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "VENV_PYTHON", put(tmp_path, "python", "exit 1"))

    with pytest.raises(environment.CannotPrepare, match="check the internet connection and run make again"):
        environment.pip("-r", "requirements.lock")


def test_every_make_target_is_explained_and_documented() -> None:
    makefile = (tree.ROOT / "Makefile").read_text()
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    explained = tree.run("make", "help", env={**os.environ, "MAKEFLAGS": ""}).stdout
    documented = (tree.ROOT / "docs" / "reference" / "make.md").read_text()

    for target in phony:
        assert f"  make {target} " in explained
        assert f"`make {target}`" in documented
