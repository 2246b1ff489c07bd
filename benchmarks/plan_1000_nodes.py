"""Time to check, order and key large prompts: 1,000 nodes in layers, 10,000 in a chain; for `make bench`."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from app.graph.cache_key import cache_keys
from app.graph.node_schema import InputSchema, NodeSchema, OutputSchema
from app.graph.plan import Plan
from app.graph.prompt import links_of
from app.graph.validate import check_prompt
from benchmarks.tools.figures import show

REPEATS = 5
WIDTH = 20
OUTPUT = (OutputSchema(type="INT", name="n"),)
SCHEMAS = {
    "Start": NodeSchema(class_type="Start", category="bench", outputs=OUTPUT),
    "Add": NodeSchema(
        class_type="Add",
        category="bench",
        inputs=(InputSchema(name="a", type="INT"), InputSchema(name="b", type="INT")),
        outputs=OUTPUT,
    ),
    "End": NodeSchema(
        class_type="End", category="bench", inputs=(InputSchema(name="n", type="INT"),), output_node=True
    ),
}


class NoFiles:
    """These prompts name no files."""

    def choices(self, source: str) -> Sequence[str]:
        return ()

    def accepts(self, source: str, value: str) -> bool:
        return False

    def hint(self, source: str) -> str:
        return ""


def layered(nodes: int) -> dict[str, Any]:
    """Layers of WIDTH nodes, each fed by two nodes of the layer above; one output node."""
    prompt: dict[str, Any] = {str(i): {"class_type": "Start", "inputs": {}} for i in range(WIDTH)}
    for i in range(WIDTH, nodes - 1):
        above = i - WIDTH
        other = above - above % WIDTH + (above + 1) % WIDTH
        prompt[str(i)] = {"class_type": "Add", "inputs": {"a": [str(above), 0], "b": [str(other), 0]}}
    prompt[str(nodes - 1)] = {"class_type": "End", "inputs": {"n": [str(nodes - 2), 0]}}
    return prompt


def chain(nodes: int) -> dict[str, Any]:
    """Each node fed by the one before."""
    prompt: dict[str, Any] = {"0": {"class_type": "Start", "inputs": {}}}
    for i in range(1, nodes - 1):
        prompt[str(i)] = {"class_type": "Add", "inputs": {"a": [str(i - 1), 0], "b": i}}
    prompt[str(nodes - 1)] = {"class_type": "End", "inputs": {"n": [str(nodes - 2), 0]}}
    return prompt


def run_plan(prompt: dict[str, Any]) -> None:
    """Order and key the nodes as the executor does, without calling any."""
    links = {
        node_id: {name: link.node_id for name, link in links_of(node)} for node_id, node in prompt.items()
    }
    target = list(prompt)[-1]
    plan = Plan(links, [target], outputs=[target])
    order: list[str] = []
    while (node_id := plan.ready()) is not None:
        plan.start(node_id)
        plan.finish(node_id)
        order.append(node_id)
    cache_keys(prompt, order, SCHEMAS, {})


def best_ms(action: Callable[[], object]) -> float:
    """The fastest of some repetitions, in milliseconds."""
    times: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times) * 1000


def main() -> None:
    """Print the figures."""
    for name, prompt, check_target in (
        ("1,000 nodes in layers", layered(1000), 100),
        ("10,000 nodes in a chain", chain(10_000), 1000),
    ):
        show(
            f"check {name}",
            best_ms(lambda p=prompt: check_prompt(p, SCHEMAS, NoFiles())),
            "ms",
            at_most=check_target,
        )
        show(f"plan and key {name}", best_ms(lambda p=prompt: run_plan(p)), "ms")


if __name__ == "__main__":
    main()
