"""Reading a prompt (API format): nodes, links and literals, without judging them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

PromptNodes = Mapping[str, Mapping[str, Any]]
"""A prompt in API format: node id -> {class_type, inputs, _meta?}."""


class Link(NamedTuple):
    """An input fed by another node: source node id and output index."""

    node_id: str
    slot: int


def as_link(value: object) -> Link | None:
    """The link in an input value, or None for a literal: a two-element list of node id and slot number."""
    match value:
        case [str(node_id), int() | float() as slot] if not isinstance(slot, bool) and math.isfinite(slot):
            return Link(node_id, int(slot))
        case _:
            return None


def as_object(value: object) -> dict[str, Any] | None:
    """The value as a JSON object, or None when it is something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def literal(value: object) -> Any:
    """A literal without its wrapper: lists travel as {"__value__": [...]} because a bare list is a link."""
    wrapped = as_object(value)
    return value if wrapped is None or "__value__" not in wrapped else wrapped["__value__"]


def links_of(node: Mapping[str, Any]) -> Iterator[tuple[str, Link]]:
    """Every linked input of a node as (input name, link)."""
    for name, value in node.get("inputs", {}).items():
        link = as_link(value)
        if link is not None:
            yield name, link
