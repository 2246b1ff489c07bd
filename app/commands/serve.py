"""Runs the server until it is told to stop: sockets, core, web application; called by cli."""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app import wiring
from app.events.recent_logs import RecentLogs
from app.settings import Settings

HEADER_LIMIT = 16 * 1024
"""Bytes of a request's header block."""

CLOSE_GRACE_S = 2
"""Seconds that open connections have at the end."""

_log = logging.getLogger(__name__)


class CannotListen(Exception):
    """An address cannot be listened on; the text says why and what to do."""


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: ours end the executor as well."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield


class _WebSocket(WebSocketsSansIOProtocol):
    """uvicorn's, but a client that does not read cannot keep its connection once we are done with it."""

    async def run_asgi(self) -> None:
        """Serve one socket; closing in order would wait until the client has read everything."""
        await super().run_asgi()
        if not self.writable.is_set():
            self.transport.abort()


def bind(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """Sockets bound to these addresses and not yet listening; raises CannotListen with a remedy."""
    sockets: list[socket.socket] = []
    try:
        for address in addresses or ("127.0.0.1",):
            chosen = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_bound(address, chosen))
    except BaseException:
        for each in sockets:
            each.close()
        raise
    return sockets


async def serve(
    settings: Settings,
    sockets: list[socket.socket],
    logs: RecentLogs,
    argv: Sequence[str],
    on_ready: Callable[[str, str | None], None],
) -> None:
    """Serve until SIGINT or SIGTERM. `on_ready` is told the address and the token (None without one)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    folders = wiring.folders_of(settings)
    async with wiring.core(settings, folders) as parts:
        port = sockets[0].getsockname()[1]
        app, access = wiring.web_app(parts, settings, logs, argv, port)
        server = web_server(app)
        serving = asyncio.create_task(server.serve(sockets=sockets), name="web-server")
        stopping = asyncio.create_task(stop.wait(), name="stop-signal")
        announcing = asyncio.create_task(
            _announce(server, lambda: on_ready(_address(settings.listen, port), access.token)),
            name="announce",
        )
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        announcing.cancel()
        stopping.cancel()
        await serving


def web_server(app: Any) -> uvicorn.Server:
    """A web server for the application, with our limits and without signal handlers."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws=_WebSocket,
        ws_ping_interval=None,  # clients of the original may read their socket rarely
        ws_max_size=1024 * 1024,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEADER_LIMIT,
        timeout_graceful_shutdown=CLOSE_GRACE_S,
    )
    return _Server(config)


async def _announce(server: uvicorn.Server, tell: Callable[[], None]) -> None:
    while not server.started:  # noqa: ASYNC110  uvicorn offers a flag, no event
        await asyncio.sleep(0.005)
    tell()


def _bound(address: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as exc:
        raise CannotListen(
            f"'{address}' is no address of this machine: give --listen one such as 127.0.0.1 or 0.0.0.0."
        ) from exc
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(target)
        # Listening now finds a busy port before anything else is started.
        bound.listen(socket.SOMAXCONN)
    except OSError as exc:
        bound.close()
        raise CannotListen(_why(exc, address, port)) from exc
    return bound


def _why(exc: OSError, address: str, port: int) -> str:
    if exc.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is already used by another program: stop that one, "
            f"or choose another port with --port {port + 1 if port < 65535 else 8188}."
        )
    if exc.errno == errno.EACCES:
        return f"Port {port} needs special rights: choose one above 1023 with --port 8188."
    if exc.errno == errno.EADDRNOTAVAIL:
        return f"'{address}' is no address of this machine: give --listen one such as 127.0.0.1 or 0.0.0.0."
    return f"Cannot listen on {address}:{port} ({exc.strerror}): choose other values for --listen and --port."


def _address(listen: Sequence[str], port: int) -> str:
    """An address that a browser on this machine can open."""
    first = listen[0] if listen else "127.0.0.1"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(first, f"[{first}]" if ":" in first else first)  # noqa: S104  compared, not bound
    return f"http://{host}:{port}"
