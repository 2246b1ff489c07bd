"""Starts the real server with an empty base directory for a benchmark, and talks to it."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 120


class Server:
    """A server process of its own; `started_at` is when it was executed (time.perf_counter)."""

    def __init__(self, *options: str) -> None:
        self._base = Path(tempfile.mkdtemp(prefix="comfy-creator-bench-"))
        self.port = free_port()
        self._log = (self._base / "server.log").open("wb")
        command = [
            *(sys.executable, "-m", "app", "serve"),
            *("--port", str(self.port), "--base-directory", str(self._base)),
        ]
        self.started_at = time.perf_counter()
        # As in a person's shell: the second start finds compiled modules.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.process = subprocess.Popen(  # noqa: S603  fixed command
            [*command, *options], cwd=ROOT, env=environment, stdout=self._log, stderr=self._log
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(30)
        self._log.close()
        if error is not None:
            sys.stderr.write((self._base / "server.log").read_text(errors="replace"))
        shutil.rmtree(self._base)

    def request(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """One request on a connection of its own; raises OSError while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON; raises RuntimeError for any status but 200."""
        status, content = self.request(method, path, body)
        if status != 200:
            raise RuntimeError(f"{method} {path} answered {status}: {content[:500]!r}")
        return json.loads(content)

    def wait_for_answer(self, path: str) -> float:
        """Seconds from the start to the first 200 for this path."""
        return self.wait_until(lambda: self.request("GET", path)[0] == 200)

    def wait_until(self, condition: Any, pause_s: float = 0.005) -> float:
        """Seconds from the start until the condition holds; raises TimeoutError after WAIT_S."""
        limit = time.perf_counter() + WAIT_S
        while time.perf_counter() < limit:
            try:
                if condition():
                    return time.perf_counter() - self.started_at
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the server ended with status {self.process.returncode}") from None
            time.sleep(pause_s)
        raise TimeoutError("the server did not get there in time")

    def submit(self, prompt: dict[str, Any]) -> str:
        """Queue a prompt; returns its id."""
        return str(self.json("POST", "/prompt", {"prompt": prompt})["prompt_id"])

    def wait_for_prompt(self, prompt_id: str) -> dict[str, Any]:
        """The history record of a finished prompt."""
        self.wait_until(lambda: prompt_id in self.json("GET", f"/history/{prompt_id}"), pause_s=0.02)
        record: dict[str, Any] = self.json("GET", f"/history/{prompt_id}")[prompt_id]
        return record


def free_port() -> int:
    """A port of 127.0.0.1 that nobody used a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
