"""Nodes of families that cannot be run yet have their declaration and say so when they run."""

from pathlib import Path

import pytest

from app.nodes import other_families
from app.nodes.declare import NodeClass
from app.nodes.other_families import FamilyNotSupportedYet
from app.nodes.registry import builtin_nodes
from tests.unit.nodes.recording_context import RecordingContext


@pytest.mark.parametrize("node", other_families.NODES, ids=lambda node: node.schema.class_type)
def test_node_of_another_family_names_the_family_when_it_runs(node: NodeClass, tmp_path: Path) -> None:
    inputs = {each.name: None for each in node.schema.inputs}

    with pytest.raises(FamilyNotSupportedYet, match="Model family not supported yet") as refused:
        node.run(RecordingContext(tmp_path), **inputs)

    assert refused.value.code == "family_not_supported"
    assert refused.value.family in str(refused.value)
    assert refused.value.family == node.schema.unsupported_family
    assert str(refused.value).endswith(".")


def test_no_declaration_is_left_of_a_node_that_has_code() -> None:
    nodes = builtin_nodes()

    assert all(nodes[each.schema.class_type] is each for each in other_families.NODES)
