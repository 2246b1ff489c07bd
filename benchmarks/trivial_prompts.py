"""Tiny prompts per second through HTTP and the real executor; for `make bench`."""

import time

from benchmarks.tools.figures import show
from benchmarks.tools.server import Server

PROMPTS = 200


def number_shown(value: int) -> dict[str, object]:
    """Two nodes that need no model; each value differs, so nothing is cached."""
    return {
        "1": {"class_type": "PrimitiveInt", "inputs": {"value": value}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }


def main() -> None:
    """Print the figures."""
    with Server() as server:
        server.wait_for_answer("/system_stats")
        server.wait_for_prompt(server.submit(number_shown(-1)))  # the executor is ready after it

        began = time.perf_counter()
        ids = [server.submit(number_shown(value)) for value in range(PROMPTS)]
        accepted = time.perf_counter()
        server.wait_for_prompt(ids[-1])
        finished = time.perf_counter()

        began_one = time.perf_counter()
        server.wait_for_prompt(server.submit(number_shown(PROMPTS)))
        one_ms = (time.perf_counter() - began_one) * 1000

    show(
        "prompts accepted (each on disk before its answer)", PROMPTS / (accepted - began), "1/s", at_least=50
    )
    show("trivial prompts finished", PROMPTS / (finished - began), "1/s", at_least=20)
    show("one prompt, from POST to its record in /history", one_ms, "ms", at_most=200)


if __name__ == "__main__":
    main()
