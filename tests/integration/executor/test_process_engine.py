"""The executor as a real process: it runs prompts, dies with a reason, and never outlives its server."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.engine.process import ProcessEngine
from app.files.folders import DataFolders, data_folders
from app.protocol.commands import Configure, RunPrompt
from app.protocol.engine import ExecutorDied, ExecutorStartFailed
from app.protocol.events import Event, ExecutionEnded, LogLine, NodeStarted, PromptEvent, Ready

START_S = 120
"""Limit for an executor to become ready on a busy machine, in seconds."""


def configure(folders: DataFolders) -> Configure:
    return Configure(
        base_directory=str(folders.base),
        input_directory=str(folders.input),
        output_directory=str(folders.output),
        temp_directory=str(folders.temp),
        model_folders=folders.models.as_paths(),
        cpu=True,
    )


@asynccontextmanager
async def engine(base: Path, **options: Any) -> AsyncIterator[ProcessEngine]:
    folders = data_folders(base)
    folders.prepare()
    running = ProcessEngine(configure(folders), options.pop("sink", lambda _: None), **options)
    try:
        yield running
    finally:
        await running.stop()


def picture(size: int = 16, count: int = 1) -> dict[str, Any]:
    inputs = {"width": size, "height": size, "batch_size": count, "color": 255}
    return {
        "1": {"class_type": "EmptyImage", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "t"}},
    }


async def collect(running: ProcessEngine, prompt: dict[str, Any], prompt_id: str = "p") -> list[PromptEvent]:
    return [
        event async for event in running.run(RunPrompt(prompt_id=prompt_id, prompt=prompt, targets=["2"]))
    ]


async def test_runs_prompts_one_after_the_other(tmp_path: Path) -> None:
    sunk: list[Event] = []
    async with engine(tmp_path, sink=sunk.append) as running:
        ready = await running.start()
        assert ready.pid == running.pid != os.getpid()
        assert "KSampler" in {schema.class_type for schema in ready.schemas}
        assert any(isinstance(event, Ready) for event in sunk)
        for attempt in ("a", "b"):
            ended = (await collect(running, picture(), attempt))[-1]
            assert isinstance(ended, ExecutionEnded)
            assert ended.outcome == "success"
    assert (
        len(list((tmp_path / "output").glob("*.png"))) == 1
    )  # the second prompt found its result in the cache


async def test_an_error_in_a_node_is_told_and_the_next_prompt_works(tmp_path: Path) -> None:
    async with engine(tmp_path) as running:
        await running.start()
        bad = picture()
        bad["2"]["inputs"]["filename_prefix"] = "../outside/t"
        ended = (await collect(running, bad))[-1]
        assert isinstance(ended, ExecutionEnded)
        assert ended.outcome == "error"
        assert ended.error is not None
        assert ended.error.node_type == "SaveImage"
        assert (await collect(running, picture()))[-1].outcome == "success"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGSEGV])
async def test_death_in_a_prompt_names_the_signal(tmp_path: Path, killer: signal.Signals) -> None:
    async with engine(tmp_path) as running:
        await running.start()
        with pytest.raises(ExecutorDied, match=killer.name):
            await die_in_first_node(running, killer)
        assert killer.name in await running.wait_closed()


async def die_in_first_node(running: ProcessEngine, killer: signal.Signals) -> None:
    command = RunPrompt(prompt_id="p", prompt=picture(size=4096, count=8), targets=["2"])
    async for event in running.run(command):
        if isinstance(event, NodeStarted):
            assert running.pid is not None
            os.kill(running.pid, killer)


async def test_stop_leaves_no_process(tmp_path: Path) -> None:
    async with engine(tmp_path) as running:
        await running.start()
        pid = running.pid
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_an_interpreter_without_torch_says_what_to_install(tmp_path: Path) -> None:
    lines: list[str] = []
    shim = tmp_path / "python"
    shim.write_text(
        textwrap.dedent(
            f"""\
            #!/bin/sh
            exec {sys.executable} -c 'import sys, runpy
            sys.modules["torch"] = None
            sys.argv = sys.argv[2:]
            sys.argv[0] = "x"
            runpy.run_module("app.executor", run_name="__main__", alter_sys=False)' "$@"
            """
        )
    )
    shim.chmod(0o755)

    def sink(event: Event) -> None:
        if isinstance(event, LogLine):
            lines.append(event.message)

    async with engine(tmp_path, python=str(shim), sink=sink) as running:
        with pytest.raises(ExecutorStartFailed, match=r"comfy-creator\[executor\]"):
            await running.start()


async def test_missing_interpreter_names_the_setting(tmp_path: Path) -> None:
    async with engine(tmp_path, python=str(tmp_path / "nowhere")) as running:
        with pytest.raises(ExecutorStartFailed, match="--executor-python"):
            await running.start()


async def test_a_start_that_takes_too_long_names_the_setting(tmp_path: Path) -> None:
    async with engine(tmp_path, ready_timeout_s=0.05) as running:
        with pytest.raises(ExecutorStartFailed, match="--executor-start-timeout"):
            await running.start()


async def test_no_executor_outlives_a_killed_server(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """\
        import asyncio, sys
        from pathlib import Path
        from app.engine.process import ProcessEngine
        from app.files.folders import data_folders
        from app.protocol.commands import Configure

        async def main() -> None:
            folders = data_folders(Path(sys.argv[1]))
            folders.prepare()
            running = ProcessEngine(
                Configure(base_directory=str(folders.base), input_directory=str(folders.input),
                          output_directory=str(folders.output), temp_directory=str(folders.temp),
                          model_folders=folders.models.as_paths(), cpu=True),
                lambda _: None,
            )
            await running.start()
            print(running.pid, flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
        """
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    try:
        pid = int(await asyncio.wait_for(server.stdout.readline(), START_S))
        assert psutil.pid_exists(pid)
    finally:
        server.kill()
        await server.wait()
    await until(lambda: not psutil.pid_exists(pid), limit_s=10)


async def until(condition: Callable[[], bool], limit_s: float) -> None:
    """Wait for a condition with a limit."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110  another process gives no event to wait for
            await asyncio.sleep(0.05)
