"""Runs one prompt: plans, takes results from the cache, calls nodes in order and reports each step."""

import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.executor.call_node import call_node
from app.executor.created_files import CreatedFiles
from app.executor.output_cache import NodeOutput, OutputCache
from app.executor.run_context import RunContext, Surroundings
from app.executor.shown_paths import relative_in
from app.graph.cache_key import CacheKey, cache_keys
from app.graph.errors import DependencyCycle
from app.graph.plan import Plan
from app.graph.prompt import as_link, links_of, literal
from app.inference.interrupts import Interrupted
from app.nodes.declare import NodeClass
from app.protocol.commands import RunPrompt
from app.protocol.events import (
    ExecutionCached,
    ExecutionEnded,
    ExecutionStarted,
    NodeError,
    NodeFinished,
    NodeStarted,
    PromptEvent,
)

SHOWN_TEXT = 2000
"""Characters of an input value that an error report repeats."""


class PromptRun:
    """One prompt on its way through the executor."""

    def __init__(
        self,
        command: RunPrompt,
        nodes: Mapping[str, NodeClass],
        cache: OutputCache,
        surroundings: Surroundings,
        *,
        emit: Callable[[PromptEvent], None],
        interrupted: Callable[[], bool],
    ) -> None:
        self._id = command.prompt_id
        self._prompt: dict[str, Any] = command.prompt
        self._targets = command.targets
        self._extra_pnginfo = command.extra_pnginfo
        self._nodes = nodes
        self._cache = cache
        self._surroundings = surroundings
        self._emit = emit
        self._interrupted = interrupted
        self._created = CreatedFiles(surroundings.folders.state, command.prompt_id)
        self._results: dict[str, NodeOutput] = {}
        self._executed: list[str] = []
        self._keys: dict[str, CacheKey | None] = {}

    def run(self) -> None:
        """Run to the end; everything that happens is told by events, ExecutionEnded last."""
        self._emit(ExecutionStarted(prompt_id=self._id))
        try:
            plan = self._plan()
            while (node_id := plan.ready()) is not None:
                plan.start(node_id)
                if not self._run_node(node_id):
                    return
                plan.finish(node_id)
        except DependencyCycle as exc:
            self._fail(exc.nodes[0], exc, {})
            return
        self._end("success")

    def _plan(self) -> Plan:
        """Find what is cached, tell about it, and plan the rest."""
        order = sources_first(self._prompt)
        schemas = {name: node.schema for name, node in self._nodes.items()}
        self._keys = cache_keys(self._prompt, order, schemas, self._fingerprints(order))
        self._cache.keep_only(self._keys.values())
        for node_id in self._prompt:
            stored = self._cache.get(self._keys.get(node_id))
            if stored is not None:
                self._results[node_id] = stored
        self._emit(ExecutionCached(prompt_id=self._id, nodes=list(self._results)))
        for node_id in self._targets:
            if node_id in self._results:
                self._report_finished(node_id, cached=True, seconds=0.0)
        links = {
            node_id: {name: link.node_id for name, link in links_of(node) if link.node_id in self._prompt}
            for node_id, node in self._prompt.items()
        }
        outputs = [
            node_id
            for node_id, node in self._prompt.items()
            if self._nodes[node["class_type"]].schema.output_node
        ]
        return Plan(links, self._targets, outputs=outputs, done=self._results)

    def _fingerprints(self, order: Iterable[str]) -> dict[str, object]:
        """What nodes read besides their inputs; a failing fingerprint means: run again."""
        found: dict[str, object] = {}
        for node_id in order:
            node = self._prompt[node_id]
            fingerprint = self._nodes[node["class_type"]].fingerprint
            if fingerprint is None:
                continue
            literals = {
                name: None if as_link(value) else literal(value)
                for name, value in node.get("inputs", {}).items()
            }
            try:
                found[node_id] = fingerprint(self._context(node_id), **literals)
            except Exception:  # noqa: BLE001, RUF100  node code may fail in any way; its run will say how
                found[node_id] = float("nan")
        return found

    def _run_node(self, node_id: str) -> bool:
        """Call one node; False when the prompt is over because of it."""
        node = self._nodes[self._prompt[node_id]["class_type"]]
        if self._interrupted():
            self._stop_at(node_id)
            return False
        self._emit(NodeStarted(prompt_id=self._id, node_id=node_id, display_node_id=node_id))
        started = time.perf_counter()
        inputs: dict[str, list[Any]] = {}
        try:
            inputs = self._inputs(node_id, node)
            result = self._call(node_id, node, inputs)
        except Interrupted:
            self._stop_at(node_id)
            return False
        except Exception as exc:  # noqa: BLE001, RUF100  a node may raise anything; that is a result, not a crash
            self._fail(node_id, exc, inputs)
            return False
        self._results[node_id] = result
        self._cache.put(self._keys.get(node_id), result)
        self._executed.append(node_id)
        self._report_finished(node_id, cached=False, seconds=time.perf_counter() - started)
        return True

    def _call(self, node_id: str, node: NodeClass, inputs: Mapping[str, list[Any]]) -> NodeOutput:
        """Call a node; where memory runs out, once more with all models unloaded."""
        try:
            return call_node(node, self._context(node_id), inputs)
        except Exception as exc:
            if not self._surroundings.models.make_room_after(exc):
                raise
        try:
            return call_node(node, self._context(node_id), inputs)
        except Exception as exc:
            self._surroundings.models.raise_if_memory_ran_out(exc)
            raise

    def _inputs(self, node_id: str, node: NodeClass) -> dict[str, list[Any]]:
        """One list of values per input: what the links bring, declared literals as one-element lists."""
        values: dict[str, list[Any]] = {}
        for name, value in self._prompt[node_id].get("inputs", {}).items():
            link = as_link(value)
            if link is not None:
                values[name] = self._results[link.node_id].slots[link.slot]
            elif node.schema.input(name) is not None:
                values[name] = [literal(value)]
        return values

    def _context(self, node_id: str) -> RunContext:
        return RunContext(
            surroundings=self._surroundings,
            prompt_id=self._id,
            node_id=node_id,
            prompt=self._prompt,
            extra_pnginfo=self._extra_pnginfo,
            emit=self._emit,
            interrupted=self._interrupted,
            created=self._created,
        )

    def _report_finished(self, node_id: str, *, cached: bool, seconds: float) -> None:
        self._emit(
            NodeFinished(
                prompt_id=self._id,
                node_id=node_id,
                display_node_id=node_id,
                ui=self._results[node_id].ui or None,
                cached=cached,
                seconds=seconds,
            )
        )

    def _stop_at(self, node_id: str) -> None:
        self._end("interrupted", node_id=node_id, node_type=self._prompt[node_id]["class_type"])

    def _fail(self, node_id: str, exc: Exception, inputs: Mapping[str, list[Any]]) -> None:
        error = NodeError(
            node_id=node_id,
            node_type=self._prompt[node_id]["class_type"],
            exception_type=_type_name(exc),
            message=relative_in(str(exc), self._surroundings.folders) or _type_name(exc),
            traceback=traceback.format_tb(exc.__traceback__),
            current_inputs={name: [_shown(value) for value in values] for name, values in inputs.items()},
        )
        self._end("error", error=error, node_id=node_id, node_type=error.node_type)

    def _end(self, outcome: str, **about: Any) -> None:
        self._emit(
            ExecutionEnded(
                prompt_id=self._id,
                outcome=outcome,
                executed=self._executed,
                outputs={node_id: result.ui for node_id, result in self._results.items() if result.ui},
                **about,
            )
        )


def sources_first(prompt: Mapping[str, Any]) -> list[str]:
    """Node ids so that each comes after the nodes it is linked to; nodes on a cycle are left out."""
    waits = {
        node_id: {link.node_id for _, link in links_of(node) if link.node_id in prompt}
        for node_id, node in prompt.items()
    }
    feeds: dict[str, list[str]] = {}
    for node_id, sources in waits.items():
        for source in sources:
            feeds.setdefault(source, []).append(node_id)
    order = [node_id for node_id, sources in waits.items() if not sources]
    for node_id in order:
        for fed in feeds.get(node_id, ()):
            waits[fed].discard(node_id)
            if not waits[fed]:
                order.append(fed)
    return order


def _type_name(exc: Exception) -> str:
    kind = type(exc)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _shown(value: object) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:SHOWN_TEXT]
