"""A progress bar for `comfy-creator run`; silent when nobody watches."""

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any


class Progress:
    """Shows which node runs and how far it is."""

    def __init__(self, prompt: Mapping[str, Any]) -> None:
        self._prompt = prompt
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("starting", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take a message about the prompt: its name and fields as on the socket."""
        if self._bar is None:
            return
        if kind == "executing" and data.get("node") is not None:
            # A new bar: `update` takes None for "as before" and would keep the last node's number of steps.
            self._bar.remove_task(self._task)
            self._task = self._bar.add_task(self._name(str(data["node"])), total=None)
        elif kind == "progress":
            self._bar.update(self._task, completed=data["value"], total=data["max"])
        elif kind == "executor_state" and data.get("state") == "starting":
            self._bar.update(self._task, description="starting the executor")

    def _name(self, node_id: str) -> str:
        node = self._prompt.get(node_id, {})
        title = node.get("_meta", {}).get("title") if isinstance(node.get("_meta"), dict) else None
        return str(title or node.get("class_type", node_id))
