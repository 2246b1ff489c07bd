"""The single executor task: starts the executor, feeds it the head of the queue, writes each outcome once.

Wiring makes one and runs it for as long as the server lives.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from app.engine.restart_policy import RestartPolicy
from app.engine.run_record import RunRecord
from app.events.hub import EventHub
from app.events.messages import ExecutorState, NodeExecuting
from app.protocol.commands import RunPrompt
from app.protocol.engine import Engine, EngineError, EventSink, ExecutorDied
from app.protocol.events import Device, DeviceMemory, Event, LogLine, Ready
from app.queue.base import PromptQueue, QueuedPrompt
from app.store.errors import StoreError

INTERRUPT_GRACE_S = 8.0
"""Seconds a node has to notice an interrupt before its process is killed: a cancel acts within 10 s."""

DISK_PAUSE_S = 2.0
"""Seconds between tries to write an outcome or read the queue while the disk refuses."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ExecutorStatus:
    """What the executor does now: starting, ready, busy or dead; `detail` is a sentence for people."""

    state: str = "starting"
    detail: str = "The executor is starting."
    devices: tuple[Device, ...] = ()
    models_bytes: int = 0
    torch_version: str = ""
    pid: int | None = None


@dataclass(kw_only=True)
class _Run:
    """The prompt that runs now."""

    queued: QueuedPrompt
    engine: Engine
    record: RunRecord
    killer: asyncio.Task[None] | None = None


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class ExecutorTask:
    """Feeds one executor.

    `make_engine` makes a fresh one for every start; `on_ready` hears what it can do, `on_log` its log.
    """

    def __init__(
        self,
        queue: PromptQueue,
        hub: EventHub,
        make_engine: Callable[[EventSink], Engine],
        *,
        on_ready: Callable[[Ready], None] = lambda ready: None,
        on_log: Callable[[LogLine], None] = lambda line: None,
        interrupt_grace_s: float = INTERRUPT_GRACE_S,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._queue = queue
        self._hub = hub
        self._make_engine = make_engine
        self._on_ready = on_ready
        self._on_log = on_log
        self._interrupt_grace_s = interrupt_grace_s
        self._clock_ms = clock_ms
        self._policy = RestartPolicy()
        self._engine: Engine | None = None
        self._run: _Run | None = None
        self._status = ExecutorStatus()

    @property
    def status(self) -> ExecutorStatus:
        """What the executor does now."""
        return self._status

    @property
    def running(self) -> str | None:
        """Id of the running prompt."""
        return None if self._run is None else self._run.queued.prompt_id

    async def run(self) -> None:
        """Keep an executor fed until cancelled; then stop it and put the running prompt back."""
        try:
            while True:
                lived_s = await self._live()
                await asyncio.sleep(self._policy.wait_s(lived_s))
        finally:
            await self._leave()

    async def interrupt(self, prompt_id: str | None = None) -> bool:
        """Stop the running prompt, only if it has this id; False when it has not.

        If its node does not react, the executor is killed after the grace time.
        """
        run = self._run
        if run is None or prompt_id not in (None, run.queued.prompt_id):
            return False
        if run.killer is None:
            run.killer = asyncio.create_task(self._kill_later(run.engine), name="interrupt-grace")
            await run.engine.interrupt(run.queued.prompt_id)
        return True

    async def free_memory(self, *, unload_models: bool, forget_outputs: bool) -> None:
        """Ask the executor to give memory back once it is idle; nothing to do while it is not there."""
        if self._engine is not None and self._status.state in ("ready", "busy"):
            with contextlib.suppress(EngineError):
                await self._engine.free_memory(unload_models=unload_models, forget_outputs=forget_outputs)

    async def _live(self) -> float:
        """One life of an executor; returns how many seconds it was ready."""
        self._tell("starting", "The executor is starting.")
        engine = self._engine = self._make_engine(self._on_event)
        try:
            ready = await engine.start()
        except EngineError as exc:
            _log.error("The executor did not start: %s", exc)
            self._tell("dead", str(exc))
            return 0.0
        began = time.monotonic()
        self._status = replace(
            self._status, devices=tuple(ready.devices), torch_version=ready.torch_version, pid=ready.pid
        )
        self._on_ready(ready)
        self._tell("ready")
        reason = await self._feed(engine)
        _log.error("The executor is gone: %s", reason)
        self._tell("dead", f"The executor is being restarted: {reason}.")
        await engine.stop()
        return time.monotonic() - began

    async def _feed(self, engine: Engine) -> str:
        """Give it one prompt after the other until it is gone; returns why."""
        closed = asyncio.create_task(engine.wait_closed(), name="executor-closed")
        try:
            while not closed.done():
                queued = await self._take()
                if queued is not None and closed.done():  # it never reached the executor, so it is no failure
                    await self._queue.give_back(queued.prompt_id)
                    break
                if queued is not None:
                    await self._run_one(engine, queued)
                    continue
                waiting = asyncio.create_task(self._queue.wait(), name="queue-wait")
                await asyncio.wait({waiting, closed}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            return closed.result()
        finally:
            closed.cancel()

    async def _take(self) -> QueuedPrompt | None:
        while True:
            try:
                return await self._queue.take()
            except StoreError as exc:
                _log.error("Cannot read the queue: %s", exc)
                await asyncio.sleep(DISK_PAUSE_S)

    async def _run_one(self, engine: Engine, queued: QueuedPrompt) -> None:
        record = RunRecord(queued, self._clock_ms)
        run = self._run = _Run(queued=queued, engine=engine, record=record)
        self._hub.begin_prompt(queued.client_id)
        self._tell("busy")
        try:
            async for event in engine.run(_command(queued)):
                for message in record.apply(event):
                    self._hub.publish_prompt(message)
        except ExecutorDied as exc:
            died = record.interrupt() if run.killer is not None else record.fail("ExecutorDied", f"{exc}.")
            self._hub.publish_prompt(died)
        if run.killer is not None:
            run.killer.cancel()
        if record.outcome().state == "success":
            self._policy.worked()
        await self._write_outcome(record, queued.prompt_id)
        self._run = None
        self._hub.publish_prompt(NodeExecuting(node=None, display_node=None, prompt_id=queued.prompt_id))
        self._hub.end_prompt()
        self._tell("ready")

    async def _write_outcome(self, record: RunRecord, prompt_id: str) -> None:
        """Store the outcome; while the disk refuses, keep it and try again: it must not be lost."""
        while True:
            try:
                await self._queue.finish(prompt_id, record.outcome())
            except StoreError as exc:
                _log.error("Cannot store the outcome of prompt %s, trying again: %s", prompt_id, exc)
                await asyncio.sleep(DISK_PAUSE_S)
            else:
                return

    async def _kill_later(self, engine: Engine) -> None:
        await asyncio.sleep(self._interrupt_grace_s)
        _log.warning("The running node did not react to the interrupt; restarting the executor")
        engine.kill()

    async def _leave(self) -> None:
        if self._engine is not None:
            if (
                self._status.state == "starting"
            ):  # it has nothing to finish, and imports would delay its leave
                self._engine.kill()
            await self._engine.stop()
        run, self._run = self._run, None
        if run is None:
            return
        if run.killer is not None:
            run.killer.cancel()
        with contextlib.suppress(StoreError):  # it stays "running" then, and the next start finds it
            if run.record.ended:
                await self._queue.finish(run.queued.prompt_id, run.record.outcome())
            else:
                await self._queue.give_back(run.queued.prompt_id)

    def _on_event(self, event: Event) -> None:
        match event:
            case DeviceMemory(devices=devices, models_bytes=models_bytes):
                self._status = replace(self._status, devices=tuple(devices), models_bytes=models_bytes)
            case LogLine():
                self._on_log(event)
            case _:
                pass

    def _tell(self, state: str, detail: str = "") -> None:
        self._status = replace(self._status, state=state, detail=detail)
        self._hub.publish(ExecutorState(state=state, detail=detail))


def _command(queued: QueuedPrompt) -> RunPrompt:
    extra: Any = queued.extra_data.get("extra_pnginfo")
    return RunPrompt(
        prompt_id=queued.prompt_id,
        prompt=queued.prompt,
        targets=list(queued.targets),
        extra_pnginfo=cast("dict[str, Any]", extra) if isinstance(extra, dict) else None,
        attempt=queued.attempt,
    )
