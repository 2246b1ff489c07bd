"""Calls nodes of recorded cases; the runners of all fixtures use it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from app.nodes import other_families
from app.nodes.declare import NodeResult
from app.nodes.registry import builtin_nodes
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

NODES = {
    class_type: node
    for class_type, node in builtin_nodes().items()
    if node not in other_families.NODES  # of which only declarations are there
}

Seen: TypeAlias = dict[str, Any]
"""What came of a case, by the keys that the record uses: `out`, `ui`, `files`, `extra_calls`, ..."""

Runner: TypeAlias = Callable[[Case, RecordingContext], Seen]
"""Runs one case of a fixture; errors of the node pass through."""


def call(context: RecordingContext, node: str, inputs: Mapping[str, Any]) -> Seen:
    """Call a node with inputs that are built already."""
    returned = NODES[node].run(context, **inputs)
    result = returned if isinstance(returned, NodeResult) else NodeResult(outputs=returned)
    assert len(result.outputs) == len(NODES[node].schema.outputs)
    return {"out": list(result.outputs), "ui": dict(result.ui)}


def run_plain(case: Case, context: RecordingContext) -> Seen:
    """A case without fixture: its inputs are those of the node."""
    return call(context, case["node"], {name: value(each) for name, each in case["in"].items()})
