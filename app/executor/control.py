"""The executor's control loop: takes commands while one thread owns the device and runs prompts."""

import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from app.executor.output_cache import OutputCache
from app.executor.run_context import Surroundings
from app.executor.run_prompt import PromptRun
from app.files.folders import DataFolders
from app.files.model_folders import ModelFolders
from app.protocol.commands import Command, Configure, FreeMemory, Interrupt, RunPrompt, Shutdown
from app.protocol.events import PROTOCOL, DeviceMemory, Event, ExecutionEnded, NodeError, Ready

log = logging.getLogger(__name__)

IDLE_S = 0.3
"""Without work for so long after the start, the executor imports what pictures with models need."""


class Control:
    """Receives commands from any thread; one device thread works them off in order.

    `emit` is called from the device thread and must be safe to call there. Interrupts act at once: they
    set a flag that the running prompt reads before its next node and its next model call. `on_failure` is
    told why the device thread cannot go on (torch is not installed, a node module is broken).
    """

    def __init__(
        self, configure: Configure, emit: Callable[[Event], None], on_failure: Callable[[Exception], None]
    ) -> None:
        self._configure = configure
        self._emit = emit
        self._on_failure = on_failure
        self._work: queue.Queue[RunPrompt | FreeMemory | None] = queue.Queue()
        self._lock = threading.Lock()
        self._running: str | None = None
        self._stopped: set[str] = set()
        self._thread = threading.Thread(target=self._work_off, name="device", daemon=True)

    def start(self) -> None:
        """Start the device thread; it imports torch and the nodes, then emits Ready."""
        self._thread.start()

    def handle(self, command: Command) -> None:
        """Take one command; returns at once."""
        match command:
            case RunPrompt() | FreeMemory():
                self._work.put(command)
            case Interrupt(prompt_id=prompt_id):
                with self._lock:
                    target = prompt_id or self._running
                    if target is not None:
                        self._stopped.add(target)
            case Shutdown():
                with self._lock:
                    if self._running is not None:
                        self._stopped.add(self._running)
                self._work.put(None)
            case Configure():
                log.warning("a second configuration was ignored")
            case _:
                assert_never(command)

    def join(self, timeout_s: float) -> bool:
        """Wait for the device thread to end; False when it still runs after `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work_off(self) -> None:
        try:
            self._device_loop()
        except Exception as exc:
            log.exception("the device thread failed")
            self._on_failure(exc)

    def _device_loop(self) -> None:
        import torch

        from app.inference.memory.devices import choose_device, describe_devices
        from app.inference.memory.model_store import ModelStore
        from app.inference.models.checkpoint import import_networks
        from app.inference.models.files.pickles import REFUSED, Pickles
        from app.nodes.registry import builtin_nodes

        nodes = builtin_nodes()
        device = choose_device(cpu=self._configure.cpu)
        folders = _folders(self._configure)
        copies = Pickles(copies=folders.state / "pickle_copies")
        surroundings = Surroundings(
            folders=folders,
            models=ModelStore(
                device,
                vram=self._configure.vram,
                cpu_dtype=torch.bfloat16 if self._configure.cpu_dtype == "bf16" else torch.float32,
                pickles=copies if self._configure.allow_pickle else REFUSED,
            ),
            preview_method=self._configure.preview_method,
            preview_size=self._configure.preview_size,
            metadata=self._configure.metadata,
        )
        cache = OutputCache()
        self._emit(
            Ready(
                protocol=PROTOCOL,
                pid=os.getpid(),
                torch_version=str(torch.__version__),
                devices=describe_devices(device),
                schemas=[node.schema for node in nodes.values()],
            )
        )
        command = self._first_command(meanwhile=import_networks)
        while command is not None:
            if isinstance(command, FreeMemory):
                cache.clear()  # results of loader nodes hold models, so forgetting these alone frees nothing
                if command.unload_models:
                    surroundings.models.free()
            else:
                with torch.inference_mode():
                    self._run(
                        command,
                        PromptRun(
                            command,
                            nodes,
                            cache,
                            surroundings,
                            emit=self._emit,
                            interrupted=lambda prompt_id=command.prompt_id: prompt_id in self._stopped,
                        ),
                    )
            models_bytes = surroundings.models.bytes
            self._emit(DeviceMemory(devices=describe_devices(device), models_bytes=models_bytes))
            command = self._work.get()

    def _first_command(self, meanwhile: Callable[[], None]) -> RunPrompt | FreeMemory | None:
        """Wait for work, and use the time: what is not waiting already would find the imports done.

        On this thread: two threads that import the same packages meet half-made modules.
        """
        try:
            return self._work.get(timeout=IDLE_S)
        except queue.Empty:
            meanwhile()
            return self._work.get()

    def _run(self, command: RunPrompt, run: PromptRun) -> None:
        with self._lock:
            self._running = command.prompt_id
        try:
            run.run()
        except Exception as exc:
            log.exception("running prompt %s failed outside its nodes", command.prompt_id)
            error = NodeError(
                node_id="", node_type="", exception_type=type(exc).__name__, message=f"internal error: {exc}"
            )
            self._emit(ExecutionEnded(prompt_id=command.prompt_id, outcome="error", error=error))
        finally:
            with self._lock:
                self._running = None
                self._stopped.discard(command.prompt_id)


def _folders(configure: Configure) -> DataFolders:
    base = Path(configure.base_directory)
    return DataFolders(
        base=base,
        input=Path(configure.input_directory),
        output=Path(configure.output_directory),
        temp=Path(configure.temp_directory),
        user=base / "user",
        state=Path(configure.state_directory) if configure.state_directory else base / "state",
        models=ModelFolders(
            {key: [Path(each) for each in paths] for key, paths in configure.model_folders.items()}
        ),
    )
