"""Why a prompt is refused before it runs: typed errors that the API translates for its clients."""

from collections.abc import Mapping
from typing import Any

import msgspec


class InputError(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong at one node; `type` is a stable code, `extra_info` fields for machines."""

    type: str
    message: str
    details: str
    extra_info: dict[str, Any] = {}


class NodeErrors(msgspec.Struct, frozen=True, kw_only=True):
    """All errors of one node and the output nodes that cannot run because of them."""

    errors: list[InputError]
    dependent_outputs: list[str]
    class_type: str


class GraphError(Exception):
    """Base of errors about prompts and plans."""


class PromptRefused(GraphError):
    """The prompt as a whole cannot run; `type` is a stable code."""

    def __init__(
        self,
        type: str,
        message: str,
        *,
        details: str = "",
        extra_info: Mapping[str, Any] | None = None,
        node_errors: Mapping[str, NodeErrors] | None = None,
    ) -> None:
        super().__init__(message if not details else f"{message}: {details}")
        self.type = type
        self.message = message
        self.details = details
        self.extra_info = dict(extra_info or {})
        self.node_errors = dict(node_errors or {})


class DependencyCycle(GraphError):
    """Nodes wait for each other; `nodes` is the cycle or all that are stuck."""

    def __init__(self, nodes: list[str]) -> None:
        super().__init__("these nodes wait for each other: " + " -> ".join([*nodes, nodes[0]]))
        self.nodes = nodes


class DuplicateNode(GraphError):
    """A node that expands into a subgraph used an id that exists already."""
