"""The real application on a free port, with a real database and no executor, for the security tests."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx
import uvicorn
from fastapi import FastAPI

from app.actions.edit_queue import EditQueue
from app.actions.submit_prompt import SubmitPrompt
from app.api.app import create_app
from app.api.auth import AccessPolicy
from app.api.services import About, Services
from app.commands.serve import HEADER_LIMIT
from app.engine.executor_task import ExecutorTask
from app.engine.node_catalog import NodeCatalog, packaged_schemas
from app.events.hub import EventHub
from app.events.log_feed import LogFeed
from app.events.recent_logs import RecentLogs
from app.files.folders import DataFolders, data_folders
from app.protocol.engine import EventSink
from app.queue.attempt_files import AttemptFiles
from app.queue.embedded import EmbeddedQueue
from app.store.database import Database
from app.store.history import History

TOKEN = "t0ken-" + "x" * 40


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that answers on 127.0.0.1:`port`."""

    app: FastAPI
    folders: DataFolders
    port: int
    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def raw(self, request: bytes) -> bytes:
        """The answer to these very bytes, until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        try:
            return await asyncio.wait_for(reader.read(), 20)
        finally:
            writer.close()
            await writer.wait_closed()

    async def get_path(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """Status and body for a path that is sent as it is, dots and all."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n"
        answer = await self.raw(head.encode())
        return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


def no_engine(sink: EventSink) -> NoReturn:
    """The executor task is never started in these tests."""
    raise AssertionError("no executor here")


def services_for(folders: DataFolders, database: Database, policy: AccessPolicy) -> Services:
    """What wiring builds, without a running executor."""
    hub = EventHub()
    queue = EmbeddedQueue(database, AttemptFiles(folders.state, [folders.output, folders.temp]))
    catalog = NodeCatalog(folders, packaged_schemas())
    executor = ExecutorTask(queue, hub, no_engine)
    logs = RecentLogs()
    return Services(
        about=About(version="0", max_upload_bytes=2_000_000),
        access=policy,
        catalog=catalog,
        edit_queue=EditQueue(queue, executor),
        executor=executor,
        folders=folders,
        history=History(database),
        hub=hub,
        log_feed=LogFeed(logs, hub),
        logs=logs,
        queue=queue,
        submit=SubmitPrompt(catalog, queue),
    )


@contextlib.asynccontextmanager
async def serving(base: Path, policy: AccessPolicy) -> AsyncIterator[Running]:
    """Serve until the block ends."""
    folders = data_folders(base / "base")
    folders.prepare()
    database = await Database.open(folders.state / "test.db")
    app = create_app(services_for(folders, database, policy))
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    config = uvicorn.Config(
        app,
        http="h11",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=HEADER_LIMIT,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve(sockets=[listener]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            yield Running(app=app, folders=folders, port=port, http=http)
    finally:
        server.should_exit = True
        await task
        listener.close()
        await database.close()


PolicyServer = Callable[[AccessPolicy], contextlib.AbstractAsyncContextManager[Running]]
