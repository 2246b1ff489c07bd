"""Runs a prompt from the command line on a running server: submits, follows events, fetches the pictures."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from app.commands import exit_codes
from app.commands.run_progress import Progress
from app.commands.run_result import RunResult, ended, node_error_lines, pictures, refused
from app.settings import Settings

LOOK_S = 1.0
"""Seconds to wait for a server that may not be there."""


class CannotReach(Exception):
    """The server does not answer or does not let us in."""


class Server:
    """Address and token of a server."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def socket_url(self) -> str:
        """Where its events come from."""
        return "ws" + self.url.removeprefix("http") + "/ws"


async def find_server(url: str | None, settings: Settings) -> Server | None:
    """The server to use: the one asked for, or one that answers on our port, or None. Raises CannotReach."""
    candidate = url or f"http://127.0.0.1:{settings.port}"
    if not candidate.startswith(("http://", "https://")):
        raise CannotReach(f"--server {candidate}: write it as http://HOST:PORT.")
    server = Server(candidate, _token(settings))
    try:
        async with httpx.AsyncClient(timeout=10 if url else LOOK_S, trust_env=url is not None) as client:
            answer = await client.get(f"{server.url}/healthz")
        if answer.status_code == 200:
            return server
        reason = f"it answers {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        reason = str(exc) or type(exc).__name__
    if url is None:
        return None
    raise CannotReach(f"No Comfy Creator at {url} ({reason}): start one with `comfy-creator serve`.")


async def run_remote(server: Server, prompt: dict[str, Any], output: Path, progress: Progress) -> RunResult:
    """Queue the prompt, follow it to its end, write its pictures to `output`. Raises CannotReach."""
    client_id = uuid.uuid4().hex
    try:
        async with (
            httpx.AsyncClient(
                base_url=server.url, headers=server.headers, timeout=60, trust_env=False
            ) as client,
            connect(
                f"{server.socket_url}?clientId={client_id}",
                additional_headers=server.headers,
                max_size=None,
                proxy=None,
            ) as socket,
        ):
            answer = await client.post("/prompt", json={"prompt": prompt, "client_id": client_id})
            if answer.status_code == 400:
                body = answer.json()
                return refused(body["error"], body.get("node_errors", {}))
            receipt = answer.raise_for_status().json()
            await _follow(socket, receipt["prompt_id"], progress)
            return await _result(client, receipt, output)
    except httpx.HTTPStatusError as exc:
        raise CannotReach(_said(exc.response)) from exc
    except (httpx.HTTPError, WebSocketException, OSError) as exc:
        raise CannotReach(
            f"The connection to {server.url} failed ({exc or type(exc).__name__}): try again."
        ) from exc


async def _follow(socket: Any, prompt_id: str, progress: Progress) -> None:
    async for frame in socket:
        if isinstance(frame, bytes):
            continue
        message = json.loads(frame)
        data = message["data"]
        progress.show(message["type"], data)
        if message["type"] == "executing" and data.get("node") is None and data.get("prompt_id") == prompt_id:
            return
    raise ConnectionClosed(None, None)


async def _result(client: httpx.AsyncClient, receipt: dict[str, Any], output: Path) -> RunResult:
    history = (await client.get(f"/history/{receipt['prompt_id']}")).raise_for_status().json()
    record = history.get(receipt["prompt_id"])
    warnings = tuple(node_error_lines(receipt["node_errors"]))
    if record is None:
        return RunResult(code=exit_codes.PROMPT_FAILED, errors=("The prompt was taken out of the queue.",))
    files = [await _fetch(client, each, output) for each in pictures(record)]
    return ended(record, tuple(files), warnings)


async def _fetch(client: httpx.AsyncClient, picture: dict[str, str], output: Path) -> Path:
    """Write one picture under a name that is free."""
    content = (await client.get("/view", params=picture)).raise_for_status().content
    name = Path(picture["filename"]).name
    return write_new(output, name, content)


def write_new(folder: Path, name: str, content: bytes) -> Path:
    """Write a file that did not exist: `name`, else `name (1)` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = Path(name)
    count = 0
    while True:
        path = folder / (name if not count else f"{wanted.stem} ({count}){wanted.suffix}")
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            count += 1
        else:
            return path


def _token(settings: Settings) -> str | None:
    """CC_TOKEN, or the token of the server that uses our data folder."""
    if token := os.environ.get("CC_TOKEN"):
        return token
    try:
        return (settings.base / "state" / "token").read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def _said(answer: httpx.Response) -> str:
    if answer.status_code == 401:
        return (
            "The server demands its access token: set CC_TOKEN to what `comfy-creator token` shows on the "
            "server's computer, with the server's --base-directory if it was given one."
        )
    try:
        return f"The server answers {answer.status_code}: {answer.json()['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return f"The server answers {answer.status_code}."
