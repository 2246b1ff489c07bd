"""Turns an executor's events about one prompt into messages for clients and the record for history."""

from collections.abc import Callable, Iterator
from typing import Any, assert_never

from app.events.messages import (
    NodeExecuted,
    NodeExecuting,
    NodeState,
    NodeStates,
    NodeStep,
    NodeText,
    Preview,
    PromptCached,
    PromptFailed,
    PromptInterrupted,
    PromptMessage,
    PromptStarted,
    PromptSucceeded,
    ResultPicture,
    fields_of,
    name_of,
)
from app.protocol import events
from app.protocol.events import (
    ExecutionCached,
    ExecutionEnded,
    ExecutionStarted,
    NodeFinished,
    NodePicture,
    NodePreview,
    NodeProgress,
    NodeStarted,
    PromptEvent,
)
from app.queue.base import Message, Outcome, QueuedPrompt

LARGE_GRAPH = 100
"""With more nodes than this, the state of all nodes, which grows with each, is told every PAUSE_MS only."""

PAUSE_MS = 100


class RunRecord:
    """What has happened to one prompt so far. `clock_ms` gives milliseconds since 1970."""

    def __init__(self, queued: QueuedPrompt, clock_ms: Callable[[], int]) -> None:
        self._queued = queued
        self._clock_ms = clock_ms
        self._messages: list[Message] = list(queued.losses)
        self._nodes: dict[str, NodeState] = {}
        self._display: dict[str, str] = {}
        self._current: str | None = None
        self._started_ms: dict[str, int] = {}
        self._node_ms: dict[str, int] = {}
        self._executed: list[str] = []
        self._outputs: dict[str, Any] = {}
        self._state: str | None = None
        self._told_ms = 0

    @property
    def ended(self) -> bool:
        """Whether the outcome is known."""
        return self._state is not None

    def outcome(self) -> Outcome:
        """The record for history, once `ended`."""
        assert self._state is not None  # noqa: S101  callers wait for `ended`
        return Outcome(
            state=self._state,
            messages=tuple(self._messages),
            outputs=self._outputs,
            meta={node_id: self._meta(node_id) for node_id in self._outputs},
            node_ms=self._node_ms,
        )

    def apply(self, event: PromptEvent) -> Iterator[PromptMessage]:
        """Take the next event; yields what clients are told, in their order."""
        match event:
            case ExecutionStarted():
                yield self._noted(PromptStarted(prompt_id=self._id, timestamp=self._clock_ms()))
            case ExecutionCached(nodes=nodes):
                yield self._noted(PromptCached(nodes=nodes, prompt_id=self._id, timestamp=self._clock_ms()))
            case NodeStarted(node_id=node_id, display_node_id=display):
                self._current = node_id
                self._display[node_id] = display
                self._started_ms[node_id] = self._clock_ms()
                yield from self._progress(node_id, display, "running", 0.0, 1.0)
                yield NodeExecuting(node=node_id, display_node=display, prompt_id=self._id)
            case NodeProgress(node_id=node_id, display_node_id=display, value=value, total=total):
                yield from self._progress(node_id, display, "running", value, total)
                yield NodeStep(value=value, max=total, prompt_id=self._id, node=node_id)
            case NodePreview():
                yield Preview(
                    prompt_id=self._id,
                    node_id=event.node_id,
                    display_node_id=event.display_node_id,
                    image_type=event.image_type,
                    image=event.image,
                )
            case NodePicture():
                yield ResultPicture(
                    prompt_id=self._id,
                    node_id=event.node_id,
                    display_node_id=event.display_node_id,
                    image_type=event.image_type,
                    image=event.image,
                )
            case events.NodeText(node_id=node_id, text=text):
                yield NodeText(prompt_id=self._id, node=node_id, text=text)
            case NodeFinished():
                yield from self._finished(event)
            case ExecutionEnded():
                yield self._end(event)
            case _:
                assert_never(event)

    def fail(self, exception_type: str, reason: str) -> PromptMessage:
        """End the prompt because something other than a node failed."""
        self._state = "error"
        return self._noted(
            PromptFailed(
                prompt_id=self._id,
                node_id=self._current or "",
                node_type=self._class_of(self._current),
                executed=self._executed,
                exception_message=reason,
                exception_type=exception_type,
                traceback=[],
                current_inputs={},
                current_outputs=self._executed,
                timestamp=self._clock_ms(),
            )
        )

    def interrupt(self, node_id: str | None = None, node_type: str | None = None) -> PromptMessage:
        """End the prompt because somebody asked for it."""
        self._state = "interrupted"
        node_id = node_id or self._current or ""
        return self._noted(
            PromptInterrupted(
                prompt_id=self._id,
                node_id=node_id,
                node_type=node_type or self._class_of(node_id),
                executed=self._executed,
                timestamp=self._clock_ms(),
            )
        )

    @property
    def _id(self) -> str:
        return self._queued.prompt_id

    def _finished(self, event: NodeFinished) -> Iterator[PromptMessage]:
        self._display[event.node_id] = event.display_node_id
        self._started_ms.pop(event.node_id, None)
        if not event.cached:
            self._add_time(event.node_id, round(event.seconds * 1000))
            self._executed.append(event.node_id)
        if event.ui is not None:
            self._outputs[event.node_id] = event.ui
        if event.ui is not None or event.cached:
            yield NodeExecuted(
                node=event.node_id,
                display_node=event.display_node_id,
                output=event.ui,
                prompt_id=self._id,
            )
        before = self._nodes.get(event.node_id)
        total = 1.0 if before is None else before.max
        yield from self._progress(event.node_id, event.display_node_id, "finished", total, total)

    def _end(self, event: ExecutionEnded) -> PromptMessage:
        for node_id, started_ms in self._started_ms.items():
            self._add_time(node_id, max(self._clock_ms() - started_ms, 0))
        self._outputs = {**self._outputs, **event.outputs}
        self._executed = event.executed
        if event.outcome == "success":
            self._state = "success"
            return self._noted(PromptSucceeded(prompt_id=self._id, timestamp=self._clock_ms()))
        if event.outcome == "interrupted":
            return self.interrupt(event.node_id, event.node_type)
        if event.error is None:
            return self.fail("ExecutorError", "The executor gave no reason; its log may tell more.")
        self._state = "error"
        return self._noted(
            PromptFailed(
                prompt_id=self._id,
                node_id=event.error.node_id,
                node_type=event.error.node_type,
                executed=event.executed,
                exception_message=event.error.message.rstrip("\n") + "\n",
                exception_type=event.error.exception_type,
                traceback=event.error.traceback,
                current_inputs=event.error.current_inputs,
                current_outputs=event.executed,
                timestamp=self._clock_ms(),
            )
        )

    def _add_time(self, node_id: str, took_ms: int) -> None:
        """Count a node's time for the node on the canvas that it belongs to."""
        shown = self._display.get(node_id, node_id)
        self._node_ms[shown] = self._node_ms.get(shown, 0) + took_ms

    def _noted(self, message: PromptMessage) -> PromptMessage:
        self._messages.append((name_of(message), fields_of(message)))
        return message

    def _progress(
        self, node_id: str, display: str, state: str, value: float, total: float
    ) -> Iterator[NodeStates]:
        self._nodes[node_id] = NodeState(
            value=value,
            max=total,
            state=state,
            node_id=node_id,
            prompt_id=self._id,
            display_node_id=display,
            parent_node_id=None,
            real_node_id=node_id,
        )
        now_ms = self._clock_ms()
        if len(self._nodes) <= LARGE_GRAPH or now_ms - self._told_ms >= PAUSE_MS:
            self._told_ms = now_ms
            yield NodeStates(prompt_id=self._id, nodes=dict(self._nodes))

    def _class_of(self, node_id: str | None) -> str:
        node = self._queued.prompt.get(node_id or "")
        return str(node.get("class_type", "")) if node else ""

    def _meta(self, node_id: str) -> dict[str, Any]:
        return {
            "node_id": node_id,
            "display_node": self._display.get(node_id, node_id),
            "parent_node": None,
            "real_node_id": node_id,
        }
