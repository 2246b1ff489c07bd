"""The Dockerfile: linted, and its install lines run in a fresh folder, for want of a container engine."""

import json
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import tree

WAIT_S = 60


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (keyword, rest) with continued lines joined."""
    text = (tree.ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], " ".join(line.split()[1:])) for line in lines]


def values(keyword: str) -> list[str]:
    return [rest for found, rest in instructions() if found == keyword]


def test_linter_has_no_complaint() -> None:
    done = tree.run(Path(sys.executable).parent / "hadolint", "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_runs_as_an_ordinary_user_with_a_data_volume_and_a_health_check() -> None:
    assert values("USER") == ["1000"]
    assert values("VOLUME") == ["/workspace"]
    assert values("ENV") == [
        "CC_BASE_DIRECTORY=/workspace"
    ]  # for `docker exec CONTAINER comfy-creator token` too
    assert values("EXPOSE") == ["8188"]
    assert "http://127.0.0.1:8188/healthz" in values("HEALTHCHECK")[0]
    assert json.loads(values("CMD")[0])[:4] == ["comfy-creator", "serve", "--listen", "0.0.0.0"]  # noqa: S104  in a container


def test_every_copied_path_exists_and_is_not_ignored() -> None:
    ignore_rules = (tree.ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignore_rules if line[0] == "!"}
    sources = {source for line in values("COPY") for source in line.split()[:-1]}
    assert sources == allowed
    assert [source for source in sources if not (tree.ROOT / source).exists()] == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a virtual environment in which COPY and the pip lines of RUN were carried out."""
    folder = tmp_path_factory.mktemp("image")
    made = tree.run(sys.executable, "-m", "venv", str(folder / "venv"))
    assert made.returncode == 0, made.stderr
    build = folder / "build"
    build.mkdir()
    environment = {**os.environ, "PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"}
    for keyword, rest in instructions():
        if keyword == "COPY":
            copy(rest, build)
        elif keyword == "RUN" and "pip install" in rest:
            done = tree.run("/bin/sh", "-c", rest, cwd=build, env=environment, timeout_s=900)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    shutil.rmtree(build)
    return folder / "venv" / "bin"


def copy(rest: str, build: Path) -> None:
    *sources, target = rest.split()
    for source in sources:
        found = tree.ROOT / source
        if found.is_dir():
            shutil.copytree(found, build / target, ignore=shutil.ignore_patterns("__pycache__", "_bundle"))
        else:
            shutil.copy(found, build / target)


def image_environment(folder: Path) -> dict[str, str]:
    """The image's ENV, with the folder in the place of the root folder."""
    changes = dict(line.split("=", 1) for line in values("ENV"))
    return {**os.environ, **{name: value.replace("/", f"{folder}/", 1) for name, value in changes.items()}}


@pytest.fixture
def server(installed: Path, tmp_path: Path) -> Iterator[int]:
    """The image's CMD, on another port and folder; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = json.loads(values("CMD")[0].replace("8188", str(port)))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  the command of our Dockerfile
            [installed / command[0], *command[1:]],
            cwd=tmp_path,
            env=image_environment(tmp_path),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def status_of(port: int, path: str, token: str = "") -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        return int(urllib.request.urlopen(request, timeout=10).status)  # noqa: S310  our own server
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


def wait_for(port: int) -> None:
    limit = time.monotonic() + WAIT_S
    while status_of(port, "/healthz") != 200:
        assert time.monotonic() < limit, "no answer"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_installed_image_serves_with_a_token(installed: Path, server: int, tmp_path: Path) -> None:
    wait_for(server)

    shown = tree.run(installed / "comfy-creator", "token", cwd=tmp_path, env=image_environment(tmp_path))
    token = shown.stdout.split()[-1]

    assert status_of(server, "/system_stats") == 401
    assert status_of(server, "/") == 401
    assert status_of(server, "/system_stats", token) == 200
    assert status_of(server, "/", token) == 200  # the editor travels inside the package
    secrets = [
        path
        for path in (tmp_path / "workspace").rglob("*")
        if path.is_file() and token in path.read_text(errors="replace")
    ]
    assert [stat.S_IMODE(path.stat().st_mode) for path in secrets] == [0o600]


def test_run_lines_use_the_locks_only() -> None:
    pip_lines = [part for line in values("RUN") for part in line.split("&&") if "pip install" in part]
    for line in pip_lines:
        words = shlex.split(line)
        assert "--no-cache-dir" in words
        assert "--require-hashes" in words or words[-1] in {"requirements-torch.lock", "."}
