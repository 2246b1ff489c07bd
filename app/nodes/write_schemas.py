"""Writes the built-in nodes' declarations where the server reads them at its start; `make types` calls it."""

from pathlib import Path

import msgspec

from app.nodes.registry import builtin_nodes

PACKAGED = Path(__file__).resolve().parents[1] / "engine" / "builtin_nodes.json"


def schemas_json() -> bytes:
    """All declarations sorted by class type, as indented JSON with a final newline."""
    nodes = builtin_nodes()
    schemas = [nodes[class_type].schema for class_type in sorted(nodes)]
    return msgspec.json.format(msgspec.json.encode(schemas), indent=1) + b"\n"


if __name__ == "__main__":
    PACKAGED.write_bytes(schemas_json())
