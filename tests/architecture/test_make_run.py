"""`make run` a second time: no network, no changed file, and nothing left behind after Ctrl-C."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from shutil import copy2

import psutil
import pytest

from tests.architecture import tree

WAIT_S = 60
NOWHERE = "http://127.0.0.1:9/simple"  # the discard port: whoever asks the network fails


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the tracked files that shares the installed environment."""
    if not (tree.ROOT / ".venv" / ".installed-run").is_file():
        message = "the environment was not made by make: run make setup first"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    folder = tmp_path / "checkout"
    for path in tree.tracked_files():
        target = folder / path.relative_to(tree.ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        copy2(path, target)
    (folder / ".venv").symlink_to(tree.ROOT / ".venv")
    return folder


def contents(folder: Path) -> dict[Path, bytes]:
    tracked = [path.relative_to(tree.ROOT) for path in tree.tracked_files()]
    return {path: (folder / path).read_bytes() for path in tracked}


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < limit, "took too long"
        time.sleep(0.05)


def answers(address: str) -> bool:
    try:
        return int(urllib.request.urlopen(address, timeout=5).status) == 200  # noqa: S310  our own server
    except OSError:
        return False


def test_second_make_run_needs_no_network_and_leaves_nothing(checkout: Path, tmp_path: Path) -> None:
    before = contents(checkout)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    environment = {**os.environ, "PIP_INDEX_URL": NOWHERE, "HTTPS_PROXY": NOWHERE, "MAKEFLAGS": ""}
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(  # noqa: S603  our own Makefile
            ["make", "run", f"PORT={address.rpartition(':')[2]}", "ARGS=--cpu"],  # noqa: S607  make as the developer has it
            cwd=checkout,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        wait_until(lambda: answers(f"{address}/system_stats"))
        family = psutil.Process(process.pid).children(recursive=True)

        os.killpg(process.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
        process.wait(WAIT_S)

        _, alive = psutil.wait_procs(family, timeout=15)
        log.seek(0)
        printed = log.read()
    assert alive == []
    assert address in printed
    assert "Traceback" not in printed
    assert contents(checkout) == before
