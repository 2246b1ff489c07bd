"""`comfy-creator run`: runs a prompt from a file, on a running server or an own executor; called by cli."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.api.body import parse_json
from app.commands import exit_codes
from app.commands.run_progress import Progress
from app.commands.run_result import RunResult
from app.settings import Settings


class UnusableFile(Exception):
    """The file or a `--set` cannot be used; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to run, where, and where the pictures go."""

    prompt: dict[str, Any]
    output: Path
    server: str | None = None


def read_request(file: str, changes: Sequence[str], server: str | None, output: str) -> Request:
    """Read the file and apply the changes; raises UnusableFile."""
    prompt = read_prompt(Path(file))
    for change in changes:
        apply_change(prompt, change)
    return Request(prompt=prompt, output=Path(output).expanduser().absolute(), server=server)


def read_prompt(path: Path) -> dict[str, Any]:
    """The prompt in a file, also one wrapped as `{"prompt": ...}`; raises UnusableFile."""
    try:
        found = parse_json(path.read_bytes())
    except OSError as exc:
        raise UnusableFile(f"Cannot read {path}: {exc.strerror}.") from exc
    except (ValueError, RecursionError) as exc:
        raise UnusableFile(f"{path} is not JSON that can be used: {exc}.") from exc
    if isinstance(found, dict) and isinstance(found.get("prompt"), dict):
        found = found["prompt"]
    if isinstance(found, dict) and isinstance(found.get("nodes"), list):
        raise UnusableFile(
            f"{path} is a workflow of the editor: open it there and choose "
            '"Download as API prompt" in the right-click menu of the canvas.'
        )
    if not isinstance(found, dict) or not found or not all(map(_is_node, found.values())):
        raise UnusableFile(
            f"{path} is not a prompt in API format: it needs an object of nodes by id, "
            'each with "class_type" and "inputs".'
        )
    return found


def apply_change(prompt: dict[str, Any], change: str) -> None:
    """Apply `NODE.INPUT=VALUE`; NODE and INPUT part at the last dot. Raises UnusableFile."""
    target, equals, text = change.partition("=")
    node_id, dot, name = target.rpartition(".")
    if not equals or not dot or not name:
        raise UnusableFile(f"--set {change}: write it as NODE.INPUT=VALUE, such as 3.seed=42.")
    node = prompt.get(node_id)
    if node is None:
        known = ", ".join(sorted(prompt)[:20])
        raise UnusableFile(f"--set {change}: the prompt has no node '{node_id}'; it has {known}.")
    try:
        value = parse_json(text.encode())
    except (ValueError, RecursionError):
        value = text
    node.setdefault("inputs", {})[name] = value


async def run_file(request: Request, settings: Settings) -> int:
    """Run it, show its progress, write its pictures; returns the exit code."""
    from app.commands.run_local import run_local
    from app.commands.run_remote import CannotReach, find_server, run_remote

    progress = Progress(request.prompt)
    with progress:
        try:
            server = await find_server(request.server, settings)
            if server is not None:
                result = await run_remote(server, request.prompt, request.output, progress)
            else:
                result = await run_local(settings, request.prompt, request.output, progress)
        except CannotReach as exc:
            sys.stderr.write(f"{exc}\n")
            return exit_codes.CANNOT_START
    return _report(result)


def _report(result: RunResult) -> int:
    for warning in result.warnings:
        sys.stderr.write(f"{warning}\n")
    for path in result.files:
        sys.stdout.write(f"{path}\n")
    for text in result.errors:
        sys.stderr.write(f"{text}\n")
    return result.code


def _is_node(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("class_type"), str)  # pyright: ignore[reportUnknownMemberType]
