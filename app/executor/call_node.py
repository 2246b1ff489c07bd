"""Calls one node: once per element of its input lists, and merges what the calls return."""

from collections.abc import Mapping
from typing import Any

from app.executor.output_cache import NodeOutput
from app.graph.node_schema import NodeSchema
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, NodeResult


class WrongNodeResult(Exception):
    """A node returned something that does not fit its declaration; a defect of the node."""


def call_node(node: NodeClass, context: NodeContext, inputs: Mapping[str, list[Any]]) -> NodeOutput:
    """Call a node with one list of values per input.

    A node that takes lists is called once with all of them. Any other is called once per index up to the
    longest list, shorter lists repeating their last element. Outputs become lists over the calls; an
    output declared as a list is concatenated; `ui` lists are concatenated per key.
    """
    schema = node.schema
    if schema.input_is_list:
        calls: list[Mapping[str, Any]] = [inputs]
    else:
        length = max((len(values) for values in inputs.values()), default=1)
        if any(not values for values in inputs.values()):
            length = 0
        calls = [
            {name: values[min(i, len(values) - 1)] for name, values in inputs.items()} for i in range(length)
        ]
    results = [_result(schema, node.run(context, **arguments)) for arguments in calls]
    slots = tuple(_merged(results, slot, each.is_list) for slot, each in enumerate(schema.outputs))
    ui: dict[str, list[Any]] = {}
    for result in results:
        for key, values in result.ui.items():
            ui.setdefault(key, []).extend(values)
    return NodeOutput(slots=slots, ui=ui)


def _result(schema: NodeSchema, returned: object) -> NodeResult:
    if isinstance(returned, tuple):
        returned = NodeResult(outputs=returned)
    if not isinstance(returned, NodeResult):
        raise WrongNodeResult(f"{schema.class_type} returned {type(returned).__name__} instead of a tuple")
    if len(returned.outputs) != len(schema.outputs):
        raise WrongNodeResult(
            f"{schema.class_type} returned {len(returned.outputs)} values for {len(schema.outputs)} outputs"
        )
    return returned


def _merged(results: list[NodeResult], slot: int, is_list: bool) -> list[Any]:
    if is_list:
        return [value for result in results for value in result.outputs[slot]]
    return [result.outputs[slot] for result in results]
