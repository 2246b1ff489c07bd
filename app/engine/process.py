"""An Engine in its own process: spawned with a socket pair, watched, killed after a grace time."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from app.protocol import codec
from app.protocol.commands import Command, Configure, FreeMemory, Interrupt, RunPrompt, Shutdown
from app.protocol.engine import EventSink, ExecutorDied, ExecutorStartFailed
from app.protocol.events import PROTOCOL, Event, ExecutionEnded, LogLine, PromptEvent, Ready

log = logging.getLogger(__name__)

STOP_GRACE_S = 8.0
"""Seconds between asking an executor to leave and killing it."""

LAST_LINES = 12
"""Lines of the child's log that explain a death."""


class ProcessEngine:
    """One executor process. Events of the running prompt go to `run`, all others to the sink."""

    def __init__(
        self,
        configure: Configure,
        sink: EventSink,
        *,
        python: str | None = None,
        ready_timeout_s: float = 120.0,
    ) -> None:
        self._configure = configure
        self._sink = sink
        self._python = python or sys.executable
        self._ready_timeout_s = ready_timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._events: asyncio.Queue[PromptEvent | None] = asyncio.Queue()
        self._ready: asyncio.Future[Ready] | None = None
        self._closed = asyncio.Event()
        self._reason = "the executor was not started"
        self._stopping = False
        self._last_lines: list[str] = []

    @property
    def pid(self) -> int | None:
        """Process id of the executor, None before the start."""
        return None if self._process is None else self._process.pid

    async def start(self) -> Ready:
        """Spawn the executor and wait until it is ready; raises ExecutorStartFailed."""
        ours, theirs = socket.socketpair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                self._python,
                "-m",
                "app.executor",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                process_group=0,  # Ctrl-C in a terminal is for the server, which ends the executor in order
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=_environment(),
            )
        except OSError as exc:
            ours.close()
            raise ExecutorStartFailed(
                f"cannot start {self._python}: {exc.strerror}; --executor-python names the interpreter"
            ) from exc
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._ready = asyncio.get_running_loop().create_future()
        self._tasks = [
            asyncio.create_task(self._read_events(reader), name="executor-events"),
            asyncio.create_task(self._read_log(), name="executor-log"),
            asyncio.create_task(self._watch(), name="executor-watch"),
        ]
        await self._send(self._configure)
        return await self._wait_ready(self._ready)

    async def run(self, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        """Run a prompt and yield its events, ExecutionEnded last; raises ExecutorDied."""
        if self._closed.is_set():
            raise ExecutorDied(self._reason)
        await self._send(command)
        while True:
            event = await self._events.get()
            if event is None:
                raise ExecutorDied(self._reason)
            if event.prompt_id != command.prompt_id:
                continue
            yield event
            if isinstance(event, ExecutionEnded):
                return

    async def interrupt(self, prompt_id: str | None) -> None:
        """Ask the running prompt to stop; it then ends with outcome interrupted."""
        await self._send(Interrupt(prompt_id=prompt_id))

    async def free_memory(self, *, unload_models: bool, forget_outputs: bool) -> None:
        """Give memory back once idle."""
        await self._send(FreeMemory(unload_models=unload_models, forget_outputs=forget_outputs))

    async def wait_closed(self) -> str:
        """Wait until the process is gone; returns why, with the signal or exit code."""
        await self._closed.wait()
        return self._reason

    async def stop(self) -> None:
        """Ask the executor to leave, kill it after a grace time, and wait until it is gone."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            await self._send(Shutdown())
            try:
                await asyncio.wait_for(process.wait(), STOP_GRACE_S)
            except TimeoutError:
                self.kill()
        await self._closed.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()

    def kill(self) -> None:
        """End the process at once; `wait_closed` then returns."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _wait_ready(self, ready: asyncio.Future[Ready]) -> Ready:
        closed = asyncio.create_task(self._closed.wait())
        done, _ = await asyncio.wait(
            {ready, closed}, timeout=self._ready_timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        closed.cancel()
        if ready in done:
            message = ready.result()
            if message.protocol == PROTOCOL:
                return message
            await self.stop()
            raise ExecutorStartFailed(
                f"the executor speaks protocol {message.protocol}, this server {PROTOCOL}; "
                "install the same version of Comfy Creator for both (--executor-python)"
            )
        if closed in done:
            raise ExecutorStartFailed(f"the executor ended while starting: {self._reason}")
        await self.stop()
        raise ExecutorStartFailed(
            f"the executor was not ready within {self._ready_timeout_s:.0f} s; on a slow disk raise "
            "--executor-start-timeout"
        )

    async def _send(self, command: Command) -> None:
        if self._writer is None or self._closed.is_set():
            return
        with contextlib.suppress(ConnectionError):
            self._writer.write(codec.encode(command))
            await self._writer.drain()

    async def _read_events(self, reader: asyncio.StreamReader) -> None:
        while (body := await codec.read_body(reader)) is not None:
            try:
                event = codec.decode_event(body)
            except codec.BrokenFrame as exc:
                log.error("The executor sent a broken message and is ended: %s", exc)
                self.kill()
                return
            self._dispatch(event)

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, PromptEvent):
            self._events.put_nowait(event)
            return
        if isinstance(event, Ready) and self._ready is not None and not self._ready.done():
            self._ready.set_result(event)
        self._sink(event)

    async def _read_log(self) -> None:
        assert self._process is not None  # noqa: S101  set by start(), which creates this task
        assert self._process.stdout is not None  # noqa: S101  it was opened as a pipe
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:  # a line longer than the buffer: drop it, keep reading
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self._last_lines = [*self._last_lines[-LAST_LINES + 1 :], text]
            self._sink(LogLine(level="info", message=text))

    async def _watch(self) -> None:
        assert self._process is not None  # noqa: S101  set by start(), which creates this task
        code = await self._process.wait()
        await asyncio.wait(self._tasks[:2], timeout=2.0)  # what it sent before it died is still in the pipes
        self._reason = self._why(code)
        self._closed.set()
        self._events.put_nowait(None)

    def _why(self, code: int) -> str:
        if self._stopping:
            return "the executor was stopped"
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"signal {-code}"
            extra = "; the system may have run out of memory" if name == "SIGKILL" else ""
            return f"the executor was ended by {name}{extra}"
        said = next((line for line in reversed(self._last_lines) if line.strip()), "")
        return f"the executor ended with exit code {code}" + (f": {said}" if said else "")


def _environment() -> dict[str, str]:
    """The server's environment, with this package importable by whichever interpreter is used.

    Waiting threads of a tensor operation sleep instead of spinning: on two busy cores spinning made the same
    sampling ten times slower (measured: 29 s against 2.9 s).
    """
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
    }
