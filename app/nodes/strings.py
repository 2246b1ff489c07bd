"""Nodes that join, change and search texts."""

import re
from collections.abc import Callable, Mapping

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.text.extract import MODES, extract
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, output

CASES: Mapping[str, Callable[[str], str]] = {
    "UPPERCASE": str.upper,
    "lowercase": str.lower,
    "Capitalize": str.capitalize,
    "Title Case": str.title,
}
TRIMS: Mapping[str, Callable[[str], str]] = {"Both": str.strip, "Left": str.lstrip, "Right": str.rstrip}


def _concatenate(context: NodeContext, *, string_a: str, string_b: str, delimiter: str) -> tuple[str]:
    return (delimiter.join((string_a, string_b)),)


def _replace(context: NodeContext, *, string: str, find: str, replace: str) -> tuple[str]:
    return (string.replace(find, replace),)


def _trim(context: NodeContext, *, string: str, mode: str) -> tuple[str]:
    return (TRIMS[mode](string),)


def _convert_case(context: NodeContext, *, string: str, mode: str) -> tuple[str]:
    return (CASES[mode](string),)


def _extract(
    context: NodeContext,
    *,
    string: str,
    regex_pattern: str,
    mode: str,
    case_insensitive: bool,
    multiline: bool,
    dotall: bool,
    group_index: int,
) -> tuple[str | None]:
    switches = ((case_insensitive, re.IGNORECASE), (multiline, re.MULTILINE), (dotall, re.DOTALL))
    flags = sum(flag for wanted, flag in switches if wanted)
    return (extract(string, regex_pattern, mode, flags=flags, group=group_index),)


def _text(name: str, **options: object) -> InputSchema:
    return InputSchema(name=name, type="STRING", options={"multiline": True, **options})


def _switch(name: str, *, default: bool, tooltip: str) -> InputSchema:
    return InputSchema(name=name, type="BOOLEAN", options={"default": default, "tooltip": tooltip})


def _string_node(
    class_type: str,
    display_name: str,
    description: str,
    inputs: tuple[InputSchema, ...],
    run: Callable[..., tuple[str | None]],
) -> NodeClass:
    return NodeClass(
        schema=NodeSchema(
            class_type=class_type,
            display_name=display_name,
            category="utils/string",
            module="comfy_extras.nodes_string",
            description=description,
            inputs=inputs,
            outputs=(output("STRING"),),
            v3=True,
        ),
        run=run,
    )


NODES = (
    _string_node(
        "StringConcatenate",
        "Concatenate",
        "Joins two texts, with another one between them.",
        (_text("string_a"), _text("string_b"), _text("delimiter", default="", multiline=False)),
        _concatenate,
    ),
    _string_node(
        "StringReplace",
        "Replace",
        "Puts a text in the place of every occurrence of another one.",
        (_text("string"), _text("find"), _text("replace")),
        _replace,
    ),
    _string_node(
        "StringTrim",
        "Trim",
        "Takes white space away from the ends of a text.",
        (_text("string"), choice("mode", tuple(TRIMS), multiselect=False)),
        _trim,
    ),
    _string_node(
        "CaseConverter",
        "Case Converter",
        "Writes a text in capital or small letters.",
        (_text("string"), choice("mode", tuple(CASES), multiselect=False)),
        _convert_case,
    ),
    _string_node(
        "RegexExtract",
        "Regex Extract",
        "Finds parts of a text by a regular expression; nothing found gives an empty text.",
        (
            _text("string"),
            _text("regex_pattern", tooltip="In the syntax of Python; a pattern may take three seconds."),
            choice("mode", MODES, multiselect=False),
            _switch("case_insensitive", default=True, tooltip="Small and capital letters are the same."),
            _switch("multiline", default=False, tooltip="^ and $ also match at every line."),
            _switch("dotall", default=False, tooltip="A dot also matches the end of a line."),
            integer("group_index", default=1, low=0, high=100, tooltip="Which group; 0 is the whole match."),
        ),
        _extract,
    ),
)
