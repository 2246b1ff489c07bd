"""How a built-in node is declared: its schema as data and the function the executor calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.graph.node_schema import InputSchema, NodeSchema, OutputSchema


@dataclass(frozen=True, kw_only=True)
class NodeResult:
    """What a node call returns when a plain tuple of outputs is not enough; `ui` values are lists."""

    outputs: tuple[Any, ...] = ()
    ui: Mapping[str, list[Any]] = field(default_factory=dict[str, list[Any]])


@dataclass(frozen=True, kw_only=True)
class NodeClass:
    """A node's declaration and code.

    `run(context, **inputs)` returns a tuple with one value per declared output, or a NodeResult.
    `fingerprint(context, **literal inputs)` returns a value that changes when the node must run again
    although its inputs are equal (a file that was replaced); linked inputs are passed as None.
    """

    schema: NodeSchema
    run: Callable[..., tuple[Any, ...] | NodeResult]
    fingerprint: Callable[..., object] | None = None


def socket(name: str, slot_type: str, *, required: bool = True, **options: Any) -> InputSchema:
    """An input that only a link can fill."""
    return InputSchema(name=name, type=slot_type, required=required, options=options)


def integer(
    name: str, *, default: int, low: int, high: int, required: bool = True, **options: Any
) -> InputSchema:
    """An INT widget with range `low`..`high`."""
    return InputSchema(
        name=name,
        type="INT",
        required=required,
        options={"default": default, "min": low, "max": high, **options},
    )


def number(
    name: str, *, default: float, low: float, high: float, required: bool = True, **options: Any
) -> InputSchema:
    """A FLOAT widget with range `low`..`high`."""
    return InputSchema(
        name=name,
        type="FLOAT",
        required=required,
        options={"default": default, "min": low, "max": high, **options},
    )


def boolean(name: str, *, default: bool, required: bool = True, **options: Any) -> InputSchema:
    """A BOOLEAN widget."""
    return InputSchema(name=name, type="BOOLEAN", required=required, options={"default": default, **options})


def choice(
    name: str,
    choices: tuple[Any, ...] | None = None,
    *,
    source: str | None = None,
    required: bool = True,
    **options: Any,
) -> InputSchema:
    """A menu: of a closed list, or of a source that the server fills in (`models:checkpoints`)."""
    return InputSchema(
        name=name, type="COMBO", required=required, choices=choices, choices_from=source, options=options
    )


def output(
    slot_type: str, name: str | None = None, *, is_list: bool = False, tooltip: str | None = None
) -> OutputSchema:
    """An output; its name is the type unless given."""
    return OutputSchema(type=slot_type, name=name or slot_type, is_list=is_list, tooltip=tooltip)
