"""What the server tells its clients while prompts wait and run; field names are those clients know."""

from typing import Any

import msgspec


class QueueChanged(msgspec.Struct, frozen=True, kw_only=True, tag="status"):
    """How many prompts wait or run."""

    queue_remaining: int


class ExecutorState(msgspec.Struct, frozen=True, kw_only=True, tag="executor_state"):
    """What the executor does: starting, ready, busy or dead; `detail` is a sentence for people."""

    state: str
    detail: str = ""


class CustomEvent(msgspec.Struct, frozen=True, kw_only=True, tag="custom"):
    """A message of any other kind, such as log lines for their subscribers."""

    kind: str
    data: dict[str, Any]


class PromptStarted(msgspec.Struct, frozen=True, kw_only=True, tag="execution_start"):
    """A prompt left the queue. Timestamps are milliseconds since 1970."""

    prompt_id: str
    timestamp: int


class PromptCached(msgspec.Struct, frozen=True, kw_only=True, tag="execution_cached"):
    """Nodes whose stored results are used again."""

    nodes: list[str]
    prompt_id: str
    timestamp: int


class NodeState(msgspec.Struct, frozen=True, kw_only=True):
    """Where one node is: running, finished or error, at `value` of `max`."""

    value: float
    max: float
    state: str
    node_id: str
    prompt_id: str
    display_node_id: str
    parent_node_id: str | None
    real_node_id: str


class NodeStates(msgspec.Struct, frozen=True, kw_only=True, tag="progress_state"):
    """All nodes of the running prompt that have begun."""

    prompt_id: str
    nodes: dict[str, NodeState]


class NodeExecuting(msgspec.Struct, frozen=True, kw_only=True, tag="executing"):
    """A node's code is about to be called; `node` is None when the prompt is over."""

    node: str | None
    display_node: str | None
    prompt_id: str | None


class NodeStep(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """Progress inside a node."""

    value: float
    max: float
    prompt_id: str
    node: str


class Preview(msgspec.Struct, frozen=True, kw_only=True, tag="preview"):
    """An encoded picture of the work so far."""

    prompt_id: str
    node_id: str
    display_node_id: str
    image_type: str
    image: bytes


class ResultPicture(msgspec.Struct, frozen=True, kw_only=True, tag="picture"):
    """A finished picture in full size; clients read it as they read previews."""

    prompt_id: str
    node_id: str
    display_node_id: str
    image_type: str
    image: bytes


class NodeText(msgspec.Struct, frozen=True, kw_only=True, tag="progress_text"):
    """A line that a node shows about itself."""

    prompt_id: str
    node: str
    text: str


class NodeExecuted(msgspec.Struct, frozen=True, kw_only=True, tag="executed"):
    """A node ended with something to show."""

    node: str
    display_node: str
    output: dict[str, Any] | None
    prompt_id: str


class PromptSucceeded(msgspec.Struct, frozen=True, kw_only=True, tag="execution_success"):
    """All wanted output nodes ran."""

    prompt_id: str
    timestamp: int


class PromptFailed(msgspec.Struct, frozen=True, kw_only=True, tag="execution_error"):
    """A node failed, or the executor did."""

    prompt_id: str
    node_id: str
    node_type: str
    executed: list[str]
    exception_message: str
    exception_type: str
    traceback: list[str]
    current_inputs: dict[str, list[Any]]
    current_outputs: list[str]
    timestamp: int


class PromptInterrupted(msgspec.Struct, frozen=True, kw_only=True, tag="execution_interrupted"):
    """Somebody stopped the prompt."""

    prompt_id: str
    node_id: str
    node_type: str
    executed: list[str]
    timestamp: int


PromptMessage = (
    PromptStarted
    | PromptCached
    | NodeStates
    | NodeExecuting
    | NodeStep
    | Preview
    | ResultPicture
    | NodeText
    | NodeExecuted
    | PromptSucceeded
    | PromptFailed
    | PromptInterrupted
)
Message = QueueChanged | ExecutorState | CustomEvent | PromptMessage


def name_of(message: Message) -> str:
    """The kind of a message as clients know it."""
    return str(type(message).__struct_config__.tag)


def fields_of(message: Message) -> dict[str, Any]:
    """The message's data as plain values."""
    data = msgspec.to_builtins(message)
    data.pop("type")
    return data
