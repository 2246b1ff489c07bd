"""Writes the generated pages of docs/reference/ from the code; `make docs` calls it, a test compares."""

import argparse
import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
from fastapi import APIRouter
from pydantic.fields import FieldInfo
from starlette.routing import BaseRoute, Route, WebSocketRoute

from app import cli
from app.api import health
from app.api.app import COMFY_ROUTES, OWN_ROUTES
from app.commands import exit_codes
from app.engine.node_catalog import packaged_schemas
from app.events import messages
from app.graph.node_schema import InputSchema, NodeSchema
from app.settings import Settings

FOLDER = Path(__file__).resolve().parent / "reference"
MADE_BY = "<!-- Written by `make docs`; change the code instead. -->\n"


def pages() -> dict[str, str]:
    """File name to content of every generated page."""
    return {
        "command-line.md": page("Command line", COMMAND_LINE_INTRODUCTION, commands()),
        "settings.md": page("Settings", SETTINGS_INTRODUCTION, settings()),
        "routes.md": page("Routes", ROUTES_INTRODUCTION, routes()),
        "messages.md": page("Messages", MESSAGES_INTRODUCTION, message_kinds()),
        "nodes.md": page("Nodes", NODES_INTRODUCTION, nodes()),
    }


def page(title: str, introduction: str, sections: Iterable[str]) -> str:
    """One page in Markdown."""
    return "\n".join([f"# {title}\n", MADE_BY, introduction, *sections])


COMMAND_LINE_INTRODUCTION = """\
`comfy-creator COMMAND`, or `.venv/bin/python -m app COMMAND` in a checkout. Each command takes the
[settings](settings.md) as options. Flags alone, without a command, mean `serve`, as in start scripts written
for ComfyUI; its other flags are accepted and have no effect yet.
"""


def commands() -> Iterator[str]:
    """A section per command, and the exit codes."""
    # argparse has no public way to list its options.
    actions = cli._parser()._actions
    (choices,) = (action for action in actions if isinstance(action, argparse._SubParsersAction))
    for about in choices._choices_actions:
        yield f"## comfy-creator {about.dest}\n\n{sentence(about.help)}\n"
        for action in choices.choices[about.dest]._actions:
            if action.dest not in {*Settings.model_fields, "help"} and action.help != argparse.SUPPRESS:
                name = " ".join([*action.option_strings, str(action.metavar or "")]).strip()
                yield f"- `{name}`: {action.help}"
        yield ""
    yield "## Exit codes\n"
    codes = {name: value for name, value in vars(exit_codes).items() if name.isupper()}
    yield "".join(f"- {value}: {name.lower().replace('_', ' ')}\n" for name, value in codes.items())


SETTINGS_INTRODUCTION = """\
Each setting is a flag of `comfy-creator serve`, an environment variable, and a key of the TOML file that
`--config` names; the first of these that is given counts.
"""


def settings() -> Iterator[str]:
    """A section per setting."""
    for name, field in Settings.model_fields.items():
        flag = name.replace("_", "-")
        yield f"## --{flag}\n\n{sentence(field.description)}\n"
        yield f"Variable `CC_{name.upper()}` · {kind_of(field)} · default: {default_of(field)}\n"


def kind_of(field: FieldInfo) -> str:
    """What values a setting takes, in words."""
    parts = get_args(field.annotation) or (field.annotation,)
    options = [part for part in parts if part is not type(None)]
    if all(isinstance(option, str) for option in options):
        return "one of " + ", ".join(f"`{option}`" for option in options)
    if get_origin(field.annotation) is tuple:
        return "list"
    names = {bool: "yes or no", int: "whole number", float: "number", str: "text", Path: "path"}
    return names.get(options[0], str(options[0]))


def default_of(field: FieldInfo) -> str:
    """The default as a person writes it."""
    match field.default:
        case None | () | "":
            return "none"
        case bool(value):
            return "yes" if value else "no"
        case tuple(values):
            return ", ".join(f"`{value}`" for value in values)
        case value:
            return f"`{value}`"


ROUTES_INTRODUCTION = """\
The first group has the paths and shapes that clients of ComfyUI know; each of them answers under `/api` too.
The second group is this server's own; a running server describes it at `/api/v1/docs`.
"""


def routes() -> Iterator[str]:
    """A section per route, by group."""
    yield "## Health\n"
    yield from route_sections([health.router], "")
    yield "## ComfyUI's routes\n"
    yield from route_sections(COMFY_ROUTES, "")
    yield "## Own routes\n"
    yield from route_sections(OWN_ROUTES, "/api/v1")


def route_sections(routers: Iterable[APIRouter], prefix: str) -> Iterator[str]:
    """Sections of these routers, sorted by path."""
    lines = {
        (prefix + path, methods): text
        for router in routers
        for path, methods, text in described(router.routes)
    }
    for (path, methods), text in sorted(lines.items()):
        yield f"### {methods} {path}\n\n{text}\n"


def described(found: Iterable[BaseRoute]) -> Iterator[tuple[str, str, str]]:
    """Path, methods and first sentence of each route."""
    for route in found:
        if isinstance(route, Route):
            yield (
                route.path,
                ", ".join(sorted((route.methods or set()) - {"HEAD"})),
                first_line(route.endpoint),
            )
        elif isinstance(route, WebSocketRoute):
            yield route.path, "WebSocket", first_line(route.endpoint)


MESSAGES_INTRODUCTION = """\
What the server sends over `/ws`, as text frames `{"type": ..., "data": {...}}` in the shapes that clients of
ComfyUI know. Previews, finished pictures and texts of nodes are binary frames. The executor's messages to the
server are in `app/protocol/`.
"""


def message_kinds() -> Iterator[str]:
    """A section per kind of message."""
    for kind in sorted(get_args(messages.Message), key=lambda each: str(each.__struct_config__.tag)):
        yield f"## {kind.__struct_config__.tag}\n\n{paragraph(kind)}\n"
        fields = ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(kind))
        yield f"Fields: {fields}.\n"


NODES_INTRODUCTION = """\
The node classes that are built in. Sockets are filled by links only; the other inputs are also fields of the
node.
"""


def nodes() -> Iterator[str]:
    """A section per built-in node class."""
    for schema in sorted(packaged_schemas(), key=lambda each: each.class_type.lower()):
        yield f"## {schema.class_type}\n\n{node_text(schema)}\n"
        if schema.inputs:
            yield "| input | type | values |\n|---|---|---|\n" + "".join(map(input_row, schema.inputs))
        if schema.outputs:
            yield (
                "Outputs: " + ", ".join(f"{output.name} ({output.type})" for output in schema.outputs) + ".\n"
            )


def node_text(schema: NodeSchema) -> str:
    """Name, place in the menu and description of a node class."""
    name, family = schema.display_name or schema.class_type, schema.unsupported_family
    unable = f" Cannot run yet: it belongs to {family}." if family else ""
    return f"{name}, in {schema.category}. {schema.description}{unable}".strip()


def input_row(each: InputSchema) -> str:
    """A table row about an input."""
    options: dict[str, Any] = each.options
    parts = [f"default {options['default']!r}"] if "default" in options else []
    if "min" in options and "max" in options:
        parts.append(f"{options['min']} to {options['max']}")
    if each.choices is not None:
        parts.append(", ".join(str(choice) for choice in each.choices))
    if each.choices_from is not None:
        parts.append(f"files: {each.choices_from}")
    if not each.required:
        parts.append("optional")
    return f"| {each.name} | {each.type} | {'; '.join(parts).replace('|', '/')} |\n"


def first_line(documented: Any) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(documented) or "").split("\n\n")[0].replace("\n", " ")


def paragraph(documented: Any) -> str:
    """A docstring as one paragraph."""
    return " ".join((inspect.getdoc(documented) or "").split())


def sentence(text: str | None) -> str:
    """A description with a full stop, and a capital unless it begins with a name."""
    if not text:
        return ""
    start = text[0].upper() if text.split()[0].isalpha() else text[0]
    return f"{start}{text[1:]}."


if __name__ == "__main__":
    for name, content in pages().items():
        (FOLDER / name).write_text(content)
