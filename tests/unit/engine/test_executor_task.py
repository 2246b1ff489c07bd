"""The executor task with a stub engine, a real queue and a real hub: order, records, deaths, interrupts."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.engine.executor_task import ExecutorTask
from app.events.hub import Client, EventHub
from app.events.messages import ExecutorState, Message, NodeExecuting, QueueChanged, name_of
from app.protocol.commands import RunPrompt
from app.protocol.engine import EventSink
from app.protocol.events import (
    ExecutionCached,
    ExecutionEnded,
    ExecutionStarted,
    NodeError,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    PromptEvent,
)
from app.queue.attempt_files import AttemptFiles
from app.queue.base import NewPrompt
from app.queue.embedded import EmbeddedQueue
from app.store.database import Database
from app.store.history import History, HistoryRow
from tests.stub_engine import Script, StubEngine, succeed

LIMIT_S = 20


@dataclass
class Bench:
    """An executor task with everything around it."""

    queue: EmbeddedQueue
    history: History
    hub: EventHub
    client: Client
    task: ExecutorTask
    engines: list[StubEngine] = field(default_factory=list[StubEngine])
    heard: list[Message] = field(default_factory=list[Message])

    async def put(self, prompt_id: str, **more: Any) -> None:
        prompt = {"1": {"class_type": "EmptyImage"}, "2": {"class_type": "SaveImage"}}
        more = {"client_id": "me", **more}
        await self.queue.put(NewPrompt(prompt_id=prompt_id, prompt=prompt, targets=("2",), **more))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Take messages for the client until the condition holds."""
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                self.heard.append(await self.client.buffer.get())

    def states(self) -> list[str]:
        """States of the executor that the client heard of."""
        return [each.state for each in self.heard if isinstance(each, ExecutorState)]

    async def ended(self, prompt_id: str) -> HistoryRow:
        """Wait until the client hears that a prompt is over."""
        await self.until(
            lambda: any(
                isinstance(each, NodeExecuting) and (each.node, each.prompt_id) == (None, prompt_id)
                for each in self.heard
            )
        )
        row = await self.history.record(prompt_id)
        assert row is not None
        return row


MakeBench = Callable[..., contextlib.AbstractAsyncContextManager[Bench]]


@pytest.fixture
def bench(tmp_path: Path) -> MakeBench:
    """Starts an executor task whose engines play a script."""

    @contextlib.asynccontextmanager
    async def make(script: Script = succeed, **more: Any) -> AsyncIterator[Bench]:
        database = await Database.open(tmp_path / "queue.db")
        hub = EventHub()
        queue = EmbeddedQueue(
            database,
            AttemptFiles(tmp_path, []),
            on_change=lambda remaining: hub.publish(QueueChanged(queue_remaining=remaining)),
        )
        engines: list[StubEngine] = []

        def engine(sink: EventSink) -> StubEngine:
            engines.append(StubEngine(sink, script))
            return engines[-1]

        task = ExecutorTask(queue, hub, engine, **more)
        bench = Bench(
            queue=queue,
            history=History(database),
            hub=hub,
            client=hub.connect("me"),
            task=task,
            engines=engines,
        )
        running = asyncio.create_task(task.run())
        try:
            yield bench
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await database.close()

    return make


def outcome(row: HistoryRow) -> dict[str, Any]:
    return json.loads(row.outcome or "{}")


async def stall(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
    """Begin a node that never ends by itself, and do not react to interrupts."""
    yield ExecutionStarted(prompt_id=command.prompt_id)
    yield NodeStarted(prompt_id=command.prompt_id, node_id="1", display_node_id="1")
    await asyncio.Event().wait()


async def listen(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
    """Begin a node that ends when it is interrupted."""
    yield ExecutionStarted(prompt_id=command.prompt_id)
    yield NodeStarted(prompt_id=command.prompt_id, node_id="1", display_node_id="1")
    await engine.interrupted.wait()
    yield ExecutionEnded(
        prompt_id=command.prompt_id, outcome="interrupted", node_id="1", node_type="EmptyImage"
    )


async def test_prompts_run_one_after_the_other_in_order(bench: MakeBench) -> None:
    async with bench() as b:
        for name in "abc":
            await b.put(name)
        for name in "abc":
            assert (await b.ended(name)).state == "success"
        assert b.engines[0].started == ["a", "b", "c"]


async def test_record_holds_messages_outputs_and_meta(bench: MakeBench) -> None:
    async with bench(clock_ms=lambda: 1234) as b:
        await b.put("a")
        record = outcome(await b.ended("a"))
    assert record["status"] == {
        "status_str": "success",
        "completed": True,
        "messages": [
            ["execution_start", {"prompt_id": "a", "timestamp": 1234}],
            ["execution_cached", {"nodes": [], "prompt_id": "a", "timestamp": 1234}],
            ["execution_success", {"prompt_id": "a", "timestamp": 1234}],
        ],
    }
    assert record["outputs"] == {"2": {"text": ["a"]}}
    assert record["meta"] == {
        "2": {"node_id": "2", "display_node": "2", "parent_node": None, "real_node_id": "2"}
    }


async def test_time_of_each_node_is_kept_and_cached_ones_have_none(bench: MakeBench) -> None:
    now = 1000

    async def script(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        nonlocal now
        yield ExecutionStarted(prompt_id=command.prompt_id)
        yield ExecutionCached(prompt_id=command.prompt_id, nodes=["1"])
        for node_id, shown, took in (("2", "2", 1.5), ("3.0", "3", 0.02), ("3.1", "3", 0.03)):
            about: Any = {"prompt_id": command.prompt_id, "node_id": node_id, "display_node_id": shown}
            yield NodeStarted(**about)
            yield NodeFinished(**about, seconds=took)
        yield NodeFinished(prompt_id=command.prompt_id, node_id="1", display_node_id="1", cached=True)
        yield NodeStarted(prompt_id=command.prompt_id, node_id="4", display_node_id="4")
        now += 7
        yield ExecutionEnded(prompt_id=command.prompt_id, outcome="interrupted", node_id="4")

    async with bench(script, clock_ms=lambda: now) as b:
        await b.put("a")
        row = await b.ended("a")
    assert json.loads(row.node_ms or "") == {"2": 1500, "3": 50, "4": 7}


async def test_client_hears_a_fresh_run_in_the_order_of_the_original(bench: MakeBench) -> None:
    async def script(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        about: Any = {"prompt_id": command.prompt_id, "node_id": "2", "display_node_id": "2"}
        yield ExecutionStarted(prompt_id=command.prompt_id)
        yield ExecutionCached(prompt_id=command.prompt_id, nodes=["1"])
        yield NodeStarted(**about)
        yield NodeProgress(**about, value=1, total=2)
        yield NodeFinished(**about, ui={"text": ["x"]})
        yield ExecutionEnded(prompt_id=command.prompt_id, outcome="success", executed=["2"])

    async with bench(script) as b:
        await b.until(lambda: b.task.status.state == "ready")
        b.heard.clear()
        await b.put("a")
        await b.ended("a")
        heard = [name_of(each) for each in b.heard if name_of(each) != "executor_state"]
    assert heard == [
        "status",  # queued
        "status",  # started
        "execution_start",
        "execution_cached",
        "progress_state",
        "executing",
        "progress_state",
        "progress",
        "executed",
        "progress_state",
        "execution_success",
        "status",
        "executing",
    ]


async def test_cached_output_node_is_told_without_executing(bench: MakeBench) -> None:
    async def script(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        yield ExecutionStarted(prompt_id=command.prompt_id)
        yield ExecutionCached(prompt_id=command.prompt_id, nodes=["1", "2"])
        yield NodeFinished(prompt_id=command.prompt_id, node_id="2", display_node_id="2", cached=True)
        yield ExecutionEnded(prompt_id=command.prompt_id, outcome="success")

    async with bench(script) as b:
        await b.put("a")
        await b.ended("a")
        heard = [name_of(each) for each in b.heard]
    start = heard.index("execution_cached")
    assert heard[start + 1 : start + 4] == ["executed", "progress_state", "execution_success"]


async def test_node_error_is_recorded_with_node_and_traceback(bench: MakeBench) -> None:
    async def script(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        yield ExecutionStarted(prompt_id=command.prompt_id)
        error = NodeError(
            node_id="1",
            node_type="EmptyImage",
            exception_type="ValueError",
            message="too big",
            traceback=["line 1"],
            current_inputs={"width": [64]},
        )
        yield ExecutionEnded(prompt_id=command.prompt_id, outcome="error", executed=["9"], error=error)

    async with bench(script, clock_ms=lambda: 5) as b:
        await b.put("a")
        row = await b.ended("a")
    assert row.state == "error"
    status = outcome(row)["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert status["messages"][-1] == [
        "execution_error",
        {
            "prompt_id": "a",
            "node_id": "1",
            "node_type": "EmptyImage",
            "executed": ["9"],
            "exception_message": "too big\n",
            "exception_type": "ValueError",
            "traceback": ["line 1"],
            "current_inputs": {"width": [64]},
            "current_outputs": ["9"],
            "timestamp": 5,
        },
    ]


async def test_death_of_the_executor_fails_the_running_prompt_and_the_queue_goes_on(bench: MakeBench) -> None:
    async def die_once(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
        if command.prompt_id == "deadly":
            yield ExecutionStarted(prompt_id="deadly")
            yield NodeStarted(prompt_id="deadly", node_id="1", display_node_id="1")
            engine.die("the executor was ended by SIGSEGV")
            await asyncio.Event().wait()
        async for event in succeed(engine, command):
            yield event

    async with bench(die_once) as b:
        await b.put("deadly")
        await b.put("next")
        died = await b.ended("deadly")
        assert (await b.ended("next")).state == "success"
        assert [engine.started for engine in b.engines] == [["deadly"], ["next"]]
    assert died.state == "error"
    kind, data = outcome(died)["status"]["messages"][-1]
    assert kind == "execution_error"
    assert "SIGSEGV" in data["exception_message"]
    assert (data["node_id"], data["node_type"]) == ("1", "EmptyImage")


async def test_idle_executor_that_dies_is_restarted(bench: MakeBench) -> None:
    async with bench() as b:
        await b.until(lambda: b.task.status.state == "ready")
        b.engines[0].die("the executor was ended by SIGKILL")
        await b.until(lambda: b.states()[-3:] == ["dead", "starting", "ready"])
        assert len(b.engines) == 2


async def test_interrupt_ends_the_running_prompt_only(bench: MakeBench) -> None:
    async with bench(listen) as b:
        await b.put("a")
        await b.until(lambda: b.task.running == "a")
        assert not await b.task.interrupt("other")
        assert await b.task.interrupt("a")
        row = await b.ended("a")
        assert not b.engines[0].killed
        assert not await b.task.interrupt()
    assert row.state == "interrupted"
    kind, data = outcome(row)["status"]["messages"][-1]
    assert (kind, data["node_id"]) == ("execution_interrupted", "1")
    assert outcome(row)["status"]["status_str"] == "error"


async def test_node_that_ignores_the_interrupt_is_killed_after_the_grace_time(bench: MakeBench) -> None:
    async with bench(stall, interrupt_grace_s=0.01) as b:
        await b.put("a")
        await b.until(lambda: b.task.running == "a")
        await b.task.interrupt()
        row = await b.ended("a")
        assert b.engines[0].killed
        await b.until(lambda: len(b.engines) == 2)
    assert row.state == "interrupted"


async def test_stopping_the_task_puts_the_running_prompt_back(bench: MakeBench, tmp_path: Path) -> None:
    async with bench(stall) as b:
        await b.put("a")
        await b.until(lambda: b.task.running == "a")
    database = await Database.open(tmp_path / "queue.db")
    queue = EmbeddedQueue(database, AttemptFiles(tmp_path, []))
    again = await queue.take()
    await database.close()
    assert again is not None
    assert (again.prompt_id, again.attempt) == ("a", 1)
    assert [kind for kind, _ in again.losses] == ["requeued"]


async def test_requeued_entry_comes_first_in_the_record(bench: MakeBench) -> None:
    async with bench() as b:
        await b.until(lambda: b.task.status.state == "ready")
        await b.put("a")
        row = await b.ended("a")
    assert "requeued" not in (row.outcome or "")
    async with bench(stall) as b:
        await b.put("lost")
        await b.until(lambda: b.task.running == "lost")
    async with bench() as b:
        row = await b.ended("lost")
    kinds = [kind for kind, _ in outcome(row)["status"]["messages"]]
    assert kinds == ["requeued", "execution_start", "execution_cached", "execution_success"]


async def test_executor_that_cannot_start_is_dead_with_its_reason_and_prompts_wait(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "queue.db")
    hub = EventHub()
    queue = EmbeddedQueue(database, AttemptFiles(tmp_path, []))
    task = ExecutorTask(
        queue, hub, lambda sink: StubEngine(sink, succeed, start_error="install the executor extra")
    )
    await queue.put(NewPrompt(prompt_id="a", prompt={}, targets=()))
    running = asyncio.create_task(task.run())
    client = hub.connect("me")
    async with asyncio.timeout(LIMIT_S):
        while task.status.state != "dead":
            await client.buffer.get()
    assert task.status.detail == "install the executor extra"
    assert await queue.remaining() == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await database.close()


async def test_free_memory_reaches_the_executor(bench: MakeBench) -> None:
    async with bench() as b:
        await b.until(lambda: b.task.status.state == "ready")
        await b.task.free_memory(unload_models=True, forget_outputs=False)
        assert b.engines[0].freed == [(True, False)]
