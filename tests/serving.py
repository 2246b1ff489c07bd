"""A real server process for tests: started like a user would, in a folder of its own, on a free port."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

START_S = 60.0
"""Limit for the server to answer on a busy machine, in seconds."""

READY_S = 180.0
"""Limit for the executor to be ready on a busy machine, in seconds."""


class Server:
    """A running `comfy-creator serve`."""

    def __init__(self, base: Path, port: int, *arguments: str) -> None:
        self.base = base
        self.port = port
        self.arguments = arguments
        self.log = base / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.url, timeout=60)

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.base.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own program
                [
                    sys.executable,
                    "-m",
                    "app",
                    "serve",
                    "--port",
                    str(self.port),
                    "--base-directory",
                    str(self.base),
                    "--cpu",
                    *self.arguments,
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.wait(self.answers, START_S, "the server does not answer")

    def answers(self) -> bool:
        """Whether /healthz says 200."""
        assert self._process is not None
        assert self._process.poll() is None, f"the server ended:\n{self.tail()}"
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def executor_state(self) -> str:
        """starting, ready, busy or dead."""
        return str(self.client.get("/api/v1/system").json()["executor"]["state"])

    def wait_ready(self) -> None:
        """Wait until the executor can take prompts."""
        self.wait(lambda: self.executor_state() in ("ready", "busy"), READY_S, "the executor is not ready")

    def wait(self, condition: Callable[[], bool], limit_s: float, complaint: str) -> None:
        """Wait for a condition with a limit; the complaint comes with the end of the log."""
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"{complaint} after {limit_s} s:\n{self.tail()}"
            time.sleep(0.05)

    def submit(self, prompt: dict[str, Any], **more: Any) -> str:
        """POST a prompt and return its id."""
        answer = self.client.post("/prompt", json={"prompt": prompt, **more})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["prompt_id"])

    def history(self, prompt_id: str) -> dict[str, Any] | None:
        """The history record, None while the prompt is pending or running."""
        record: dict[str, Any] | None = self.client.get(f"/history/{prompt_id}").json().get(prompt_id)
        return record

    def wait_ended(self, prompt_id: str, limit_s: float = 180.0) -> dict[str, Any]:
        """Wait until a prompt is in the history."""
        self.wait(lambda: self.history(prompt_id) is not None, limit_s, f"prompt {prompt_id} did not end")
        record = self.history(prompt_id)
        assert record is not None
        return record

    def kill(self) -> None:
        """End it by SIGKILL, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it as Ctrl-C does; returns the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise
        return self._process.wait()

    def close(self) -> None:
        """Stop it and drop the connection."""
        try:
            self.stop()
        finally:
            self.client.close()

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3000:]


def free_port() -> int:
    """A TCP port that nobody listens on, from a range that no other worker of the test run takes from."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 5
    # below those that systems hand out, above those that Chromium refuses to open
    ports = range(11_000 + 4_000 * worker, 15_000 + 4_000 * worker)
    while True:
        port = random.SystemRandom().choice(ports)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def serving(base: Path, *arguments: str) -> Iterator[Server]:
    """A server for the length of a test."""
    server = Server(base, free_port(), *arguments)
    try:
        server.start()
        yield server
    finally:
        server.close()
