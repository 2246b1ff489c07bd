"""Results of node calls kept for the next prompt, found again by cache key."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.graph.cache_key import CacheKey


@dataclass(frozen=True, kw_only=True)
class NodeOutput:
    """What a node produced: per output slot a list of values, and what it shows."""

    slots: tuple[list[Any], ...] = ()
    ui: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])


class OutputCache:
    """Keeps exactly the results that the newest prompt can use, also after an error or interrupt."""

    def __init__(self) -> None:
        self._outputs: dict[CacheKey, NodeOutput] = {}

    def keep_only(self, keys: Iterable[CacheKey | None]) -> None:
        """Forget every result whose key is not among these."""
        wanted = set(keys)
        self._outputs = {key: output for key, output in self._outputs.items() if key in wanted}

    def get(self, key: CacheKey | None) -> NodeOutput | None:
        """The stored result, or None; the key None never hits."""
        return None if key is None else self._outputs.get(key)

    def put(self, key: CacheKey | None, output: NodeOutput) -> None:
        """Store a result; the key None is not kept."""
        if key is not None:
            self._outputs[key] = output

    def clear(self) -> None:
        """Forget everything."""
        self._outputs.clear()
