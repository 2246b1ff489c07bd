"""Nodes of model families that cannot be run yet: shown and checked like others, refused when they run.

`other_families.json` holds their declarations; a node leaves it when it gets code.
"""

from pathlib import Path
from typing import Any, NoReturn

import msgspec

from app.graph.node_schema import NodeSchema
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass

DECLARATIONS = Path(__file__).with_suffix(".json")


class FamilyNotSupportedYet(Exception):
    """A node belongs to a model family that cannot be run yet."""

    code = "family_not_supported"

    def __init__(self, node: str, family: str) -> None:
        super().__init__(
            f"Model family not supported yet: {node} belongs to {family}. "
            "Remove the node, or use a workflow for Stable Diffusion 1, 2 or SDXL."
        )
        self.family = family


class _Declaration(NodeSchema, frozen=True, kw_only=True, omit_defaults=True):
    """A node schema and the family that the node belongs to."""

    family: str


def _node(declared: _Declaration) -> NodeClass:
    fields: dict[str, Any] = {name: getattr(declared, name) for name in NodeSchema.__struct_fields__}
    fields["unsupported_family"] = declared.family
    schema = NodeSchema(**fields)
    name, family = schema.display_name or schema.class_type, declared.family

    def refuse(context: NodeContext, **inputs: object) -> NoReturn:
        raise FamilyNotSupportedYet(name, family)

    return NodeClass(schema=schema, run=refuse)


NODES = tuple(map(_node, msgspec.json.decode(DECLARATIONS.read_bytes(), type=list[_Declaration])))
