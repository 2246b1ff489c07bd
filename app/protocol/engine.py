"""The Engine interface: what the executor task needs from an executor, in its own process or in this one."""

from collections.abc import AsyncIterator
from typing import Protocol

from app.protocol.commands import RunPrompt
from app.protocol.events import Event, PromptEvent, Ready


class EngineError(Exception):
    """The executor cannot do what was asked."""


class ExecutorDied(EngineError):
    """The executor process ended while it was needed; the text names the signal or exit code."""


class ExecutorStartFailed(EngineError):
    """The executor did not become ready; the text says why and which setting to change."""


class Engine(Protocol):
    """One executor. A caller runs one prompt at a time and reads its events to the end."""

    async def start(self) -> Ready:
        """Start the executor and wait until it is ready; raises ExecutorStartFailed."""
        ...

    def run(self, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        """Run a prompt; yields its events, ExecutionEnded last; raises ExecutorDied."""
        ...

    async def interrupt(self, prompt_id: str | None) -> None:
        """Ask the running prompt to stop; it then ends with outcome interrupted."""
        ...

    async def free_memory(self, *, unload_models: bool, forget_outputs: bool) -> None:
        """Give memory back once idle."""
        ...

    async def wait_closed(self) -> str:
        """Wait until the executor is gone; returns the reason."""
        ...

    async def stop(self) -> None:
        """End the executor, by force after a grace time."""
        ...

    def kill(self) -> None:
        """End the executor at once where that is possible; the running prompt then raises ExecutorDied."""
        ...


class EventSink(Protocol):
    """Receives events that belong to no prompt (logs, memory)."""

    def __call__(self, event: Event, /) -> None: ...
