"""An Engine without nodes: tests say what happens to each prompt, step by step."""

import asyncio
from collections.abc import AsyncIterator, Callable

from app.engine.node_catalog import packaged_schemas
from app.protocol.commands import RunPrompt
from app.protocol.engine import EventSink, ExecutorDied, ExecutorStartFailed
from app.protocol.events import (
    PROTOCOL,
    Device,
    ExecutionCached,
    ExecutionEnded,
    ExecutionStarted,
    NodeFinished,
    NodeStarted,
    PromptEvent,
    Ready,
)

Script = Callable[["StubEngine", RunPrompt], AsyncIterator[PromptEvent]]


class StubEngine:
    """One executor as the executor task sees it. `script` tells what happens to a prompt."""

    def __init__(self, sink: EventSink, script: Script, *, start_error: str | None = None) -> None:
        self.sink = sink
        self.started: list[str] = []
        self.interrupted = asyncio.Event()
        self.freed: list[tuple[bool, bool]] = []
        self.killed = False
        self._script = script
        self._start_error = start_error
        self._closed = asyncio.Event()
        self._reason = "the executor was stopped"

    async def start(self) -> Ready:
        """Be ready at once."""
        if self._start_error is not None:
            raise ExecutorStartFailed(self._start_error)
        return Ready(
            protocol=PROTOCOL,
            pid=1,
            torch_version="stub",
            devices=[Device(name="stub", type="cpu")],
            schemas=packaged_schemas(),
        )

    async def run(self, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        """Play the script until it ends or the engine dies."""
        self.started.append(command.prompt_id)
        self.interrupted.clear()
        events = self._script(self, command)
        closed = asyncio.create_task(self._closed.wait())
        try:
            while True:
                step = asyncio.ensure_future(anext(events, None))
                await asyncio.wait({step, closed}, return_when=asyncio.FIRST_COMPLETED)
                if not step.done():
                    step.cancel()
                    raise ExecutorDied(self._reason)
                event = step.result()
                if event is None:
                    return
                yield event
        finally:
            closed.cancel()

    async def interrupt(self, prompt_id: str | None) -> None:
        """Note it; scripts may react."""
        self.interrupted.set()

    async def free_memory(self, *, unload_models: bool, forget_outputs: bool) -> None:
        """Note it."""
        self.freed.append((unload_models, forget_outputs))

    async def wait_closed(self) -> str:
        """Wait until it has died or was stopped."""
        await self._closed.wait()
        return self._reason

    async def stop(self) -> None:
        """End."""
        self._closed.set()

    def kill(self) -> None:
        """Die as a killed process does."""
        self.killed = True
        self.die("the executor was ended by SIGKILL")

    def die(self, reason: str) -> None:
        """End unexpectedly."""
        self._reason = reason
        self._closed.set()


async def succeed(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
    """Run every node of the prompt, the targets with something to show."""
    prompt_id = command.prompt_id
    yield ExecutionStarted(prompt_id=prompt_id)
    yield ExecutionCached(prompt_id=prompt_id, nodes=[])
    outputs = {target: {"text": [prompt_id]} for target in command.targets}
    for node_id in command.prompt:
        yield NodeStarted(prompt_id=prompt_id, node_id=node_id, display_node_id=node_id)
        yield NodeFinished(
            prompt_id=prompt_id, node_id=node_id, display_node_id=node_id, ui=outputs.get(node_id)
        )
    yield ExecutionEnded(
        prompt_id=prompt_id, outcome="success", executed=list(command.prompt), outputs=outputs
    )
