"""Takes prompts out of the queue or stops the running one; used by every door."""

from app.engine.executor_task import ExecutorTask
from app.queue.base import PromptQueue


class EditQueue:
    """The use cases that cancel."""

    def __init__(self, queue: PromptQueue, executor: ExecutorTask) -> None:
        self._queue = queue
        self._executor = executor

    async def delete_waiting(self, prompt_ids: list[str]) -> int:
        """Remove waiting prompts; unknown ids are ignored. Returns how many there were."""
        return await self._queue.delete(prompt_ids)

    async def clear_waiting(self) -> int:
        """Remove all waiting prompts."""
        return await self._queue.clear()

    async def interrupt(self, prompt_id: str | None = None) -> bool:
        """Stop the running prompt, only if it has this id."""
        return await self._executor.interrupt(prompt_id)

    async def cancel(self, prompt_id: str) -> bool:
        """Stop a prompt wherever it is; False when it neither waits nor runs."""
        if await self._queue.delete([prompt_id]):
            return True
        return await self._executor.interrupt(prompt_id)
