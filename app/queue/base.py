"""What a queue of prompts promises, whatever keeps it; the executor task and the actions use this."""

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

Message = tuple[str, dict[str, Any]]
"""An entry of a record's `status.messages`: name and data."""


class QueueError(Exception):
    """The queue refuses a request."""


class PromptIdInUse(QueueError):
    """A waiting or running prompt has this id already."""

    def __init__(self, prompt_id: str) -> None:
        super().__init__(
            f"A prompt with the id '{prompt_id}' is waiting or running: choose another prompt_id or none."
        )


class IdempotencyKeyReused(QueueError):
    """The same idempotency key came with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The Idempotency-Key '{key}' was used for a different prompt: use a new key for a new prompt."
        )


@dataclass(frozen=True, kw_only=True)
class NewPrompt:
    """A checked prompt on its way into the queue.

    `number` is the place the client asked for; None means the next one, `front` the place before all others.
    """

    prompt_id: str
    prompt: dict[str, Any]
    targets: tuple[str, ...]
    extra_data: dict[str, Any] = field(default_factory=dict[str, Any])
    client_id: str | None = None
    number: float | None = None
    front: bool = False
    node_errors: dict[str, Any] = field(default_factory=dict[str, Any])
    idempotency_key: str | None = None
    request_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Proof that a prompt is on disk."""

    prompt_id: str
    number: float
    node_errors: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class QueuedPrompt:
    """A prompt that was taken: run it, then call `finish`. `losses` tells about earlier, lost attempts."""

    prompt_id: str
    number: float
    prompt: dict[str, Any]
    targets: tuple[str, ...]
    extra_data: dict[str, Any]
    client_id: str | None
    attempt: int
    losses: tuple[Message, ...] = ()


@dataclass(frozen=True, kw_only=True)
class QueueItem:
    """A waiting or running prompt for display; the documents are JSON text as stored."""

    prompt_id: str
    number: float
    prompt_json: str
    extra_data_json: str
    targets_json: str
    created_ms: int


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """What waits and what runs, in the order in which it will run."""

    running: tuple[QueueItem, ...]
    pending: tuple[QueueItem, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a prompt ended. `state` is success, error or interrupted; ui values by node id in `outputs`.

    `node_ms` tells how many milliseconds each node of the canvas took; cached ones are not in it.
    """

    state: str
    messages: tuple[Message, ...]
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    meta: dict[str, Any] = field(default_factory=dict[str, Any])
    node_ms: dict[str, int] = field(default_factory=dict[str, int])

    def to_json(self) -> str:
        """The part of a history record that did not exist before the run."""
        status = {
            "status_str": "success" if self.state == "success" else "error",
            "completed": self.state == "success",
            "messages": self.messages,
        }
        return json.dumps({"outputs": self.outputs, "status": status, "meta": self.meta})


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What became of the prompts that ran when the server was lost."""

    requeued: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class PromptQueue(Protocol):
    """An ordered queue of prompts: lowest number first, then first come, first served."""

    async def put(self, new: NewPrompt) -> Receipt:
        """Store a prompt; returns once it is on disk. Raises PromptIdInUse or IdempotencyKeyReused."""
        ...

    async def skip_number(self) -> None:
        """Count a refused submission, as the numbers given to clients do."""
        ...

    async def wait(self) -> None:
        """Wait until `take` may find something; may be cancelled at any time."""
        ...

    async def take(self) -> QueuedPrompt | None:
        """Mark the head of the queue as running and return it, None when nothing waits."""
        ...

    async def finish(self, prompt_id: str, outcome: Outcome) -> bool:
        """Store the outcome; False when the prompt was not running, then nothing changed."""
        ...

    async def give_back(self, prompt_id: str) -> None:
        """Put a running prompt back because the server leaves in order; this does not count as an attempt."""
        ...

    async def delete(self, prompt_ids: list[str]) -> int:
        """Remove waiting prompts; returns how many there were."""
        ...

    async def clear(self) -> int:
        """Remove all waiting prompts; returns how many there were."""
        ...

    async def state(self) -> QueueState:
        """What waits and what runs."""
        ...

    async def remaining(self) -> int:
        """How many prompts wait or run."""
        ...

    async def requeue_lost(self) -> Recovered:
        """At start: put prompts that ran when the server was lost back, once; a second loss fails them."""
        ...
