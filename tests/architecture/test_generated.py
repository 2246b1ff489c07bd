"""What is generated and committed equals what the code generates now."""

from app.nodes import write_schemas


def test_packaged_node_declarations_are_those_of_the_code() -> None:
    assert write_schemas.PACKAGED.read_bytes() == write_schemas.schemas_json(), "run make types and commit"
