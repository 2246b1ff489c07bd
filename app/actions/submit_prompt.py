"""Takes a prompt from whichever door it came through: checks it and puts it on disk in the queue."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.engine.node_catalog import NodeCatalog
from app.graph.errors import PromptRefused
from app.graph.validate import CheckedPrompt, check_prompt
from app.queue.base import NewPrompt, PromptQueue, Receipt

MOST_NODES = 20_000

SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")
"""Keys of extra_data that must never reach the queue's or the history's documents."""

_IN_PLACE_NODES = 50
"""Prompts up to this size are checked on the spot; larger ones in a thread, so that nobody else waits."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What a client asks for. `targets` limits the run to these output nodes."""

    prompt: Mapping[str, Any]
    prompt_id: str | None = None
    client_id: str | None = None
    extra_data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    number: float | None = None
    front: bool = False
    targets: tuple[str, ...] | None = None
    idempotency_key: str | None = None


class SubmitPrompt:
    """The use case: validate against the known node schemas, then queue durably."""

    def __init__(self, catalog: NodeCatalog, queue: PromptQueue) -> None:
        self._catalog = catalog
        self._queue = queue

    async def __call__(self, submission: Submission) -> Receipt:
        """Queue a prompt; returns once it is on disk.

        Raises PromptRefused when nothing of it can run, PromptIdInUse or IdempotencyKeyReused.
        """
        try:
            checked = await self._check(submission)
        except PromptRefused:
            if submission.number is None:
                await self._queue.skip_number()
            raise
        extra_data = {key: value for key, value in submission.extra_data.items() if key not in SECRETS}
        if submission.client_id is not None:
            extra_data["client_id"] = submission.client_id
        return await self._queue.put(
            NewPrompt(
                prompt_id=submission.prompt_id or str(uuid.uuid4()),
                prompt=checked.prompt,
                targets=checked.targets,
                extra_data=extra_data,
                client_id=submission.client_id,
                number=submission.number,
                front=submission.front,
                node_errors=msgspec.to_builtins(checked.node_errors),
                idempotency_key=submission.idempotency_key,
                request_hash=_digest(submission) if submission.idempotency_key else None,
            )
        )

    async def _check(self, submission: Submission) -> CheckedPrompt:
        size = len(submission.prompt)
        if size > MOST_NODES:
            raise PromptRefused(
                "prompt_too_large",
                f"The prompt has {size} nodes, more than the limit of {MOST_NODES}; split it",
            )
        if size <= _IN_PLACE_NODES:
            return self._check_now(submission)
        return await asyncio.to_thread(self._check_now, submission)

    def _check_now(self, submission: Submission) -> CheckedPrompt:
        return check_prompt(
            submission.prompt, self._catalog.schemas, self._catalog, targets=submission.targets
        )


def _digest(submission: Submission) -> str:
    """What makes two requests under one idempotency key the same request."""
    document = [
        submission.prompt,
        submission.extra_data,
        submission.targets,
        submission.number,
        submission.front,
    ]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
