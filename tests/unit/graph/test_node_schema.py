"""Looking up what a node class declares."""

from app.graph.node_schema import InputSchema, NodeSchema

SCHEMA = NodeSchema(
    class_type="A",
    category="t",
    inputs=(
        InputSchema(name="first", type="INT"),
        InputSchema(name="second", type="IMAGE", options={"lazy": True}),
    ),
)


def test_input_is_found_by_its_name() -> None:
    assert SCHEMA.input("second") is SCHEMA.inputs[1]
    assert SCHEMA.input("third") is None


def test_lazy_is_read_from_the_options() -> None:
    assert [each.lazy for each in SCHEMA.inputs] == [False, True]
