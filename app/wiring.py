"""Builds the objects of the server and passes them on; only this module knows all of them. Called by cli."""

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from app.actions.edit_queue import EditQueue
from app.actions.submit_prompt import SubmitPrompt
from app.engine.executor_task import ExecutorTask
from app.engine.node_catalog import NodeCatalog, packaged_schemas
from app.events.hub import EventHub
from app.events.log_feed import LogFeed
from app.events.messages import QueueChanged
from app.events.recent_logs import RecentLogs
from app.files.claim import claimed
from app.files.folders import DataFolders, data_folders
from app.protocol.commands import Configure
from app.protocol.engine import Engine, EventSink
from app.protocol.events import LogLine, Ready
from app.queue.attempt_files import AttemptFiles
from app.queue.embedded import EmbeddedQueue
from app.settings import Settings
from app.store.database import Database
from app.store.history import History

DATABASE_FILE = "comfy-creator.db"
TOKEN_FILE = "token"  # noqa: S105  a file's name

EngineMaker = Callable[[EventSink], Engine]
"""Makes a fresh executor, each time one is needed."""

_log = logging.getLogger(__name__)
_executor_log = logging.getLogger("executor")


def version() -> str:
    """This program's version."""
    try:
        return metadata.version("comfy-creator")
    except metadata.PackageNotFoundError:
        return "0.1.0"


def folders_of(settings: Settings) -> DataFolders:
    """Where data lives by these settings; nothing is created. Raises BadModelPaths."""
    folders = data_folders(settings.base, settings.output_directory, settings.extra_model_paths_config)
    changed: dict[str, Path] = {}
    if settings.input_directory is not None:
        changed["input"] = settings.input_directory.expanduser().absolute()
    if settings.temp_directory is not None:
        changed["temp"] = settings.temp_directory.expanduser().absolute() / "temp"
    if settings.user_directory is not None:
        changed["user"] = settings.user_directory.expanduser().absolute()
    return replace(folders, **changed) if changed else folders


@dataclass(frozen=True, kw_only=True)
class Core:
    """Everything but the web: enough to queue prompts and run them."""

    folders: DataFolders
    catalog: NodeCatalog
    hub: EventHub
    queue: EmbeddedQueue
    history: History
    executor: ExecutorTask
    submit: SubmitPrompt
    edit_queue: EditQueue


@contextlib.asynccontextmanager
async def core(
    settings: Settings, folders: DataFolders, make_engine: EngineMaker | None = None
) -> AsyncGenerator[Core]:
    """The core with its executor task running; leaving stops the executor and closes the database.

    `make_engine` takes the place of the executor that the settings ask for.
    Raises FoldersInUse, StoreError or OSError when the data folders or the database cannot be used.
    """
    folders.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with claimed(folders.state):
        folders.prepare()
        async with _core(folders, make_engine or engine_maker(settings, folders)) as parts:
            yield parts


@contextlib.asynccontextmanager
async def _core(folders: DataFolders, make_engine: EngineMaker) -> AsyncGenerator[Core]:
    database = await Database.open(folders.state / DATABASE_FILE)
    try:
        parts = _build(folders, database, make_engine)
        recovered = await parts.queue.requeue_lost()
        for prompt_id in recovered.requeued:
            _log.warning("Prompt %s ran when the server was lost; it is run again", prompt_id)
        for prompt_id in recovered.failed:
            _log.error("Prompt %s was lost twice with the server; it is not run again", prompt_id)
        feeding = asyncio.create_task(parts.executor.run(), name="executor-task")
        feeding.add_done_callback(_report_crash)
        try:
            yield parts
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
    finally:
        await database.close()


def _build(folders: DataFolders, database: Database, make_engine: EngineMaker) -> Core:
    hub = EventHub()
    queue = EmbeddedQueue(
        database,
        AttemptFiles(folders.state, [folders.output, folders.temp]),
        on_change=lambda remaining: hub.publish(QueueChanged(queue_remaining=remaining)),
    )
    catalog = NodeCatalog(folders, packaged_schemas())

    def on_ready(ready: Ready) -> None:
        catalog.replace(ready.schemas)

    executor = ExecutorTask(queue, hub, make_engine, on_ready=on_ready, on_log=_log_executor)
    return Core(
        folders=folders,
        catalog=catalog,
        hub=hub,
        queue=queue,
        history=History(database),
        executor=executor,
        submit=SubmitPrompt(catalog, queue),
        edit_queue=EditQueue(queue, executor),
    )


def engine_maker(settings: Settings, folders: DataFolders) -> EngineMaker:
    """What makes an executor for these settings, each time one is needed."""
    configure = Configure(
        base_directory=str(folders.base),
        input_directory=str(folders.input),
        output_directory=str(folders.output),
        temp_directory=str(folders.temp),
        state_directory=str(folders.state),
        model_folders=folders.models.as_paths(),
        cpu=settings.cpu,
        vram=settings.vram,
        cpu_dtype=settings.cpu_dtype,
        allow_pickle=settings.allow_pickle,
        preview_method=settings.preview_method,
        preview_size=settings.preview_size,
        metadata=not settings.disable_metadata,
    )
    if settings.in_process:
        # By name: the server must be able to run without torch, so nothing here may import the executor.
        in_process: Any = importlib.import_module("app.executor.in_process")
        return lambda sink: in_process.InProcessEngine(configure, sink)

    def make(sink: EventSink) -> Engine:
        from app.engine.process import ProcessEngine

        return ProcessEngine(
            configure,
            sink,
            python=settings.executor_python,
            ready_timeout_s=settings.executor_start_timeout,
        )

    return make


def web_app(
    parts: Core, settings: Settings, logs: RecentLogs, argv: Sequence[str], port: int
) -> "tuple[Any, Any]":
    """The web application over the core, and its access policy. Raises BadPolicy, BadToken, OSError."""
    from app.api.app import create_app
    from app.api.auth import AccessPolicy
    from app.api.services import About, Services

    access = AccessPolicy.for_bind(
        listen=settings.listen,
        token_file=parts.folders.state / TOKEN_FILE,
        port=port,
        allowed_hosts=settings.allowed_hosts,
        cors_origin=settings.enable_cors_header,
        demand_token=settings.behind_proxy,
    )
    about = About(
        version=version(),
        argv=tuple(argv),
        max_upload_bytes=int(settings.max_upload_size * 1024 * 1024),
    )
    services = Services(
        about=about,
        access=access,
        catalog=parts.catalog,
        edit_queue=parts.edit_queue,
        executor=parts.executor,
        folders=parts.folders,
        history=parts.history,
        hub=parts.hub,
        log_feed=LogFeed(logs, parts.hub),
        logs=logs,
        queue=parts.queue,
        submit=parts.submit,
    )
    return create_app(services), access


def _log_executor(line: LogLine) -> None:
    level = logging.getLevelNamesMapping().get(line.level.upper(), logging.INFO)
    _executor_log.log(level, "%s", line.message)


def _report_crash(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("The executor task failed; restart the server", exc_info=error)
