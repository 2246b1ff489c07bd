"""Runs a prompt from the command line on an own executor, without web and without touching the queue."""

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from app import wiring
from app.actions.submit_prompt import Submission
from app.commands import exit_codes
from app.commands.run_progress import Progress
from app.commands.run_result import RunResult, ended, node_error_lines, pictures, refused
from app.events.messages import ExecutorState, NodeExecuting, Preview, fields_of, name_of
from app.graph.errors import PromptRefused
from app.settings import Settings

CLIENT = "command-line"


async def run_local(
    settings: Settings, prompt: dict[str, Any], output: Path, progress: Progress
) -> RunResult:
    """Start an executor with a temporary state, run the prompt, stop it; pictures go to `output`."""
    with tempfile.TemporaryDirectory(prefix="comfy-creator-") as temporary:
        folders = wiring.folders_of(settings)
        folders = replace(
            folders, output=output, state=Path(temporary) / "state", temp=Path(temporary) / "temp"
        )
        async with wiring.core(settings, folders) as core:
            return await _run(core, prompt, progress)


async def _run(core: wiring.Core, prompt: dict[str, Any], progress: Progress) -> RunResult:
    client = core.hub.connect(CLIENT)
    try:
        receipt = await core.submit(Submission(prompt=prompt, client_id=CLIENT))
    except PromptRefused as exc:
        error = {"message": exc.message, "details": exc.details}
        return refused(error, msgspec.to_builtins(exc.node_errors))
    while True:
        message = await client.buffer.get()
        match message:
            case NodeExecuting(node=None):
                break
            case ExecutorState(state="dead", detail=detail) if core.executor.running is None:
                return RunResult(code=exit_codes.CANNOT_START, errors=(detail,))
            case Preview():
                pass
            case _:
                progress.show(name_of(message), fields_of(message))
    row = await core.history.record(receipt.prompt_id)
    assert row is not None  # noqa: S101  history is written before the last message
    assert row.outcome is not None  # noqa: S101  the prompt has ended
    record = await asyncio.to_thread(json.loads, row.outcome)
    files = tuple(core.folders.output / each["subfolder"] / each["filename"] for each in pictures(record))
    return ended(record, files, tuple(node_error_lines(receipt.node_errors)))
