"""Badly behaved nodes that only tests have, and an executor that knows them: this module as a program."""

import sys
import time
from pathlib import Path

from app.executor.__main__ import main
from app.graph.node_schema import NodeSchema
from app.nodes import registry
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, NodeResult, integer


def interpreter(folder: Path) -> str:
    """A stand-in for Python that starts the executor with these nodes; takes `-m app.executor FD`."""
    shim = folder / "python-with-extra-nodes"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m {__name__} "$3"\n')
    shim.chmod(0o755)
    return str(shim)


def _make_noise(context: NodeContext, *, lines: int, long_line: int) -> NodeResult:
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        for number in range(lines):
            stream.write(f"{name} {number}\n")
        stream.write("x" * long_line + f"\n{name} goes on\n")
        stream.flush()
    sys.stdout.buffer.write(b"\xff\xfe is no text\n")
    sys.stdout.flush()
    return NodeResult()


def _sleep(context: NodeContext, *, seconds: int) -> NodeResult:
    time.sleep(seconds)  # without a look at the interrupt
    return NodeResult()


EXTRA = (
    NodeClass(
        schema=NodeSchema(
            class_type="MakeNoise",
            category="test",
            inputs=(
                integer("lines", default=1, low=0, high=1_000_000),
                integer("long_line", default=0, low=0, high=1_000_000),
            ),
            output_node=True,
        ),
        run=_make_noise,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="Sleep",
            category="test",
            inputs=(integer("seconds", default=1, low=0, high=1000),),
            output_node=True,
        ),
        run=_sleep,
    ),
)


if __name__ == "__main__":
    builtin_nodes = registry.builtin_nodes
    registry.builtin_nodes = lambda: {**builtin_nodes(), **{each.schema.class_type: each for each in EXTRA}}
    main()
