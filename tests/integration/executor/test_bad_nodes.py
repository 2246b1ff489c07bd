"""A real executor whose nodes behave badly: they flood its output, or do not stop when they are asked to."""

import asyncio
from pathlib import Path
from typing import Any

import psutil

from app.engine.executor_task import ExecutorTask
from app.engine.process import ProcessEngine
from app.events.hub import EventHub
from app.events.messages import NodeExecuting
from app.files.folders import data_folders
from app.protocol.commands import RunPrompt
from app.protocol.engine import EventSink
from app.protocol.events import Event, ExecutionEnded, LogLine
from app.queue.attempt_files import AttemptFiles
from app.queue.base import NewPrompt
from app.queue.embedded import EmbeddedQueue
from app.store.database import Database
from app.store.history import History
from tests.integration.executor.extra_nodes import interpreter
from tests.integration.executor.test_process_engine import START_S, configure, engine

RUN_S = 30
"""Limit for a prompt of one small node on a busy machine, in seconds."""

LINES = 3000
LONG_LINE = 700_000
"""Characters, more than a pipe and the server's buffer for a line hold together."""


def one_node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"1": {"class_type": class_type, "inputs": inputs}}


async def test_noise_of_a_node_does_not_harm_its_prompt(tmp_path: Path) -> None:
    logged: list[str] = []

    def sink(event: Event) -> None:
        if isinstance(event, LogLine):
            logged.append(event.message)

    async with engine(tmp_path, python=interpreter(tmp_path), sink=sink) as running:
        await running.start()
        for prompt_id in ("a", "b"):
            prompt = one_node("MakeNoise", lines=LINES + (prompt_id == "b"), long_line=LONG_LINE)
            command = RunPrompt(prompt_id=prompt_id, prompt=prompt, targets=["1"])
            async with asyncio.timeout(RUN_S):
                ended = [event async for event in running.run(command)][-1]
            assert isinstance(ended, ExecutionEnded)
            assert ended.outcome == "success"
    for stream in ("stdout", "stderr"):
        ours = [line for line in logged if line.startswith(stream)]
        first = [f"{stream} {number}" for number in range(LINES)]
        assert ours == [*first, f"{stream} goes on", *first, f"{stream} {LINES}", f"{stream} goes on"]
    assert logged.count("\ufffd\ufffd is no text") == 2


async def test_a_node_that_ignores_the_interrupt_is_killed_and_the_queue_goes_on(tmp_path: Path) -> None:
    folders = data_folders(tmp_path)
    folders.prepare()
    python = interpreter(tmp_path)
    engines: list[ProcessEngine] = []

    def make(sink: EventSink) -> ProcessEngine:
        engines.append(ProcessEngine(configure(folders), sink, python=python))
        return engines[-1]

    database = await Database.open(tmp_path / "queue.db")
    hub, history = EventHub(), History(database)
    queue = EmbeddedQueue(database, AttemptFiles(tmp_path, []), on_change=lambda _: None)
    task = ExecutorTask(queue, hub, make, interrupt_grace_s=0.5)
    client = hub.connect("me")

    async def hear(node: str | None, prompt_id: str) -> None:
        async with asyncio.timeout(START_S):
            while True:
                message = await client.buffer.get()
                if isinstance(message, NodeExecuting) and (message.node, message.prompt_id) == (
                    node,
                    prompt_id,
                ):
                    return

    async def put(prompt_id: str, seconds: int) -> None:
        prompt = one_node("Sleep", seconds=seconds)
        await queue.put(NewPrompt(prompt_id=prompt_id, prompt=prompt, targets=("1",), client_id="me"))

    feeding = asyncio.create_task(task.run())
    try:
        await put("stubborn", 1000)
        await put("next", 0)
        await hear("1", "stubborn")
        assert await task.interrupt("stubborn")
        await hear(None, "stubborn")
        await hear(None, "next")
        states = {prompt_id: await history.record(prompt_id) for prompt_id in ("stubborn", "next")}
        pids = [each.pid for each in engines]
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        await database.close()
    assert {name: row and row.state for name, row in states.items()} == {
        "stubborn": "interrupted",
        "next": "success",
    }
    assert len(pids) == 2
    assert not any(pid is None or psutil.pid_exists(pid) for pid in pids)
