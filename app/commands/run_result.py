"""How a run from the command line ended, and how refusals read; made by run_local and run_remote."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.commands import exit_codes


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Exit code, written files, and what people should read."""

    code: int
    files: tuple[Path, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def refused(error: Mapping[str, Any], node_errors: Mapping[str, Any]) -> RunResult:
    """The result for a prompt that was not accepted: every error on a line of its own."""
    lines = tuple(node_error_lines(node_errors))
    message = str(error.get("message", "The prompt was refused"))
    details = str(error.get("details", ""))
    head = f"Refused: {message}" + (f" ({details})" if details and not lines else "")
    return RunResult(code=exit_codes.PROMPT_REFUSED, errors=(head, *lines))


def node_error_lines(node_errors: Mapping[str, Any]) -> Iterator[str]:
    """One line per error: node, class, message, details."""
    for node_id, found in node_errors.items():
        for error in found.get("errors", ()):
            details = f": {error['details']}" if error.get("details") else ""
            yield f"  node {node_id} ({found.get('class_type', '?')}): {error.get('message')}{details}"


def ended(record: Mapping[str, Any], files: tuple[Path, ...], warnings: tuple[str, ...]) -> RunResult:
    """The result for a prompt with this history record."""
    if record["status"]["completed"]:
        return RunResult(code=exit_codes.OK, files=files, warnings=warnings)
    name, data = record["status"]["messages"][-1]
    if name == "execution_interrupted":
        errors = ("The prompt was interrupted.",)
    else:
        where = f" in node {data['node_id']} ({data['node_type']})" if data.get("node_id") else ""
        errors = (f"The prompt failed{where}: {str(data.get('exception_message', '')).strip()}",)
    return RunResult(code=exit_codes.PROMPT_FAILED, files=files, errors=errors, warnings=warnings)


def pictures(record: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The saved files that a record's outputs name; previews are left out."""
    for ui in record.get("outputs", {}).values():
        for values in ui.values():
            for each in values if isinstance(values, list) else ():
                if isinstance(each, dict) and "filename" in each and each.get("type") == "output":
                    yield {
                        "filename": each["filename"],
                        "subfolder": each.get("subfolder", ""),
                        "type": "output",
                    }
