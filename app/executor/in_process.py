"""An Engine without a process of its own: for tests, debugging and `serve --in-process`."""

import asyncio
from collections.abc import AsyncIterator

from app.executor.control import Control
from app.protocol.commands import Configure, FreeMemory, Interrupt, RunPrompt, Shutdown
from app.protocol.engine import EventSink, ExecutorDied, ExecutorStartFailed
from app.protocol.events import Event, ExecutionEnded, PromptEvent, Ready


class InProcessEngine:
    """Runs prompts on a thread of this process; a crash of node code takes the process with it."""

    def __init__(self, configure: Configure, sink: EventSink) -> None:
        self._sink = sink
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: asyncio.Future[Ready] | None = None
        self._events: asyncio.Queue[PromptEvent] = asyncio.Queue()
        self._closed = asyncio.Event()
        self._control = Control(configure, self._emit_from_thread, self._fail_from_thread)

    async def start(self) -> Ready:
        """Start the device thread and wait until it is ready."""
        self._loop = asyncio.get_running_loop()
        self._ready = self._loop.create_future()
        self._control.start()
        return await self._ready

    async def run(self, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        """Run a prompt and yield its events, ExecutionEnded last."""
        if self._closed.is_set():
            raise ExecutorDied("the executor was stopped")
        self._control.handle(command)
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, ExecutionEnded):
                return

    async def interrupt(self, prompt_id: str | None) -> None:
        """Ask the running prompt to stop."""
        self._control.handle(Interrupt(prompt_id=prompt_id))

    async def free_memory(self, *, unload_models: bool, forget_outputs: bool) -> None:
        """Give memory back once idle."""
        self._control.handle(FreeMemory(unload_models=unload_models, forget_outputs=forget_outputs))

    async def wait_closed(self) -> str:
        """Wait until the executor is stopped."""
        await self._closed.wait()
        return "the executor was stopped"

    async def stop(self) -> None:
        """End the device thread."""
        self._control.handle(Shutdown())
        await asyncio.to_thread(self._control.join, 10.0)
        self._closed.set()

    def kill(self) -> None:
        """A thread cannot be ended by force; only an executor process can."""

    def _emit_from_thread(self, event: Event) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._dispatch, event)

    def _fail_from_thread(self, reason: Exception) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._fail, reason)

    def _fail(self, reason: Exception) -> None:
        self._closed.set()
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(ExecutorStartFailed(f"{type(reason).__name__}: {reason}"))

    def _dispatch(self, event: Event) -> None:
        match event:
            case Ready():
                if self._ready is not None and not self._ready.done():
                    self._ready.set_result(event)
                self._sink(event)
            case _ if isinstance(event, PromptEvent):
                self._events.put_nowait(event)
            case _:
                self._sink(event)
