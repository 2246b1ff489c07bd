"""Nodes that hold a plain value, and the one that shows any value."""

import json
from collections.abc import Callable
from typing import Any

from app.graph.node_schema import InputSchema, NodeSchema
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, NodeResult, output, socket

LIMIT = 2**63 - 1  # largest number that editors of all kinds keep exactly as an integer


def _value(context: NodeContext, *, value: Any) -> tuple[Any]:
    return (value,)


def _show(context: NodeContext, *, source: Any) -> NodeResult:
    return NodeResult(ui={"text": [_as_text(source)]})


def _as_text(source: Any) -> str:
    if isinstance(source, (str, int, float)) or source is None:
        return str(source)
    try:
        return json.dumps(source)
    except (TypeError, ValueError):
        return str(source)


def _primitive(class_type: str, display_name: str, value: InputSchema) -> NodeClass:
    run: Callable[..., tuple[Any]] = _value
    return NodeClass(
        schema=NodeSchema(
            class_type=class_type,
            display_name=display_name,
            category="utils/primitive",
            module="comfy_extras.nodes_primitive",
            description="One value, to be used in several places.",
            inputs=(value,),
            outputs=(output(value.type),),
            v3=True,
        ),
        run=run,
    )


def _text(*, multiline: bool) -> InputSchema:
    return InputSchema(name="value", type="STRING", options={"multiline": multiline})


NODES = (
    _primitive("PrimitiveString", "String", _text(multiline=False)),
    _primitive("PrimitiveStringMultiline", "String (Multiline)", _text(multiline=True)),
    _primitive(
        "PrimitiveInt",
        "Int",
        InputSchema(
            name="value",
            type="INT",
            options={"min": -LIMIT, "max": LIMIT, "control_after_generate": True},
        ),
    ),
    _primitive(
        "PrimitiveFloat",
        "Float",
        InputSchema(name="value", type="FLOAT", options={"min": -LIMIT, "max": LIMIT}),
    ),
    _primitive("PrimitiveBoolean", "Boolean", InputSchema(name="value", type="BOOLEAN")),
    NodeClass(
        schema=NodeSchema(
            class_type="PreviewAny",
            display_name="Preview Any",
            category="utils",
            module="comfy_extras.nodes_preview_any",
            description="Shows any value as text.",
            inputs=(socket("source", "*"),),
            output_node=True,
        ),
        run=_show,
    ),
)
