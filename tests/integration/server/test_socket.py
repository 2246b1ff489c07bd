"""/ws as clients of ComfyUI see it: frames, order, owners, reconnects."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.protocol.commands import RunPrompt
from app.protocol.events import (
    ExecutionCached,
    ExecutionEnded,
    ExecutionStarted,
    NodeError,
    NodeFinished,
    NodePicture,
    NodePreview,
    NodeProgress,
    NodeStarted,
    NodeText,
    PromptEvent,
)
from tests.integration.server.conftest import ServeWith
from tests.integration.server.live import Live, is_end, received, received_until, until
from tests.stub_engine import StubEngine

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


async def sampling(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
    """One node with a step and a preview, then a result."""
    about: Any = {"prompt_id": command.prompt_id, "node_id": "2", "display_node_id": "2"}
    yield ExecutionStarted(prompt_id=command.prompt_id)
    yield ExecutionCached(prompt_id=command.prompt_id, nodes=["1"])
    yield NodeStarted(**about)
    yield NodeProgress(**about, value=1, total=20)
    yield NodePreview(**about, image_type="image/jpeg", image=b"JPEG")
    yield NodeText(prompt_id=command.prompt_id, node_id="2", text="größe")
    yield NodePicture(**about, image_type="image/png", image=b"PNG")
    yield NodeFinished(**about, ui={"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]})
    yield ExecutionEnded(prompt_id=command.prompt_id, outcome="success", executed=["2"])


async def pausing(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
    """Stay in mid-run after a preview until interrupted."""
    about: Any = {"prompt_id": command.prompt_id, "node_id": "1", "display_node_id": "1"}
    yield ExecutionStarted(prompt_id=command.prompt_id)
    yield NodeStarted(**about)
    yield NodeProgress(**about, value=3, total=20)
    yield NodePreview(**about, image_type="image/png", image=b"PNG")
    await engine.interrupted.wait()
    yield ExecutionEnded(
        prompt_id=command.prompt_id, outcome="interrupted", node_id="1", node_type="EmptyImage"
    )


async def failing(engine: StubEngine, command: RunPrompt) -> AsyncIterator[PromptEvent]:
    """Fail in the first node."""
    about: Any = {"prompt_id": command.prompt_id, "node_id": "1", "display_node_id": "1"}
    yield ExecutionStarted(prompt_id=command.prompt_id)
    yield NodeStarted(**about)
    error = NodeError(node_id="1", node_type="EmptyImage", exception_type="ValueError", message="no")
    yield ExecutionEnded(prompt_id=command.prompt_id, outcome="error", error=error)


def node_state(prompt_id: str, value: float, total: float, state: str) -> dict[str, Any]:
    return {
        "prompt_id": prompt_id,
        "nodes": {
            "2": {
                "value": value,
                "max": total,
                "state": state,
                "node_id": "2",
                "prompt_id": prompt_id,
                "display_node_id": "2",
                "parent_node_id": None,
                "real_node_id": "2",
            }
        },
    }


async def test_first_frame_tells_the_queue_and_the_id(server: Live) -> None:
    async with server.socket("me") as socket:
        assert await received(socket) == (
            "status",
            {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "me"},
        )


async def test_client_without_id_gets_one(server: Live) -> None:
    async with server.socket(None) as socket:
        _, data = await received(socket)
        assert int(data["sid"], 16) >= 0


async def test_frames_of_a_run_are_those_of_the_original_in_their_order(serve_with: ServeWith) -> None:
    async with serve_with(sampling) as server, server.socket("me") as socket:
        await received(socket)
        prompt_id = await server.submit()
        frames = await received_until(socket, is_end)
    stamps = [data.pop("timestamp") for _, data in frames if isinstance(data, dict) and "timestamp" in data]
    assert all(stamp > 1_600_000_000_000 for stamp in stamps)
    waiting = {"status": {"exec_info": {"queue_remaining": 1}}}
    result = {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}
    assert frames == [
        ("status", waiting),
        ("status", waiting),
        ("execution_start", {"prompt_id": prompt_id}),
        ("execution_cached", {"nodes": ["1"], "prompt_id": prompt_id}),
        ("progress_state", node_state(prompt_id, 0.0, 1.0, "running")),
        ("executing", {"node": "2", "display_node": "2", "prompt_id": prompt_id}),
        ("progress_state", node_state(prompt_id, 1.0, 20.0, "running")),
        ("progress", {"value": 1.0, "max": 20.0, "prompt_id": prompt_id, "node": "2"}),
        ("binary", struct.pack(">II", 1, 1) + b"JPEG"),
        ("binary", struct.pack(">II", 3, 1) + "2größe".encode()),
        ("binary", struct.pack(">II", 1, 2) + b"PNG"),
        ("executed", {"node": "2", "display_node": "2", "output": result, "prompt_id": prompt_id}),
        ("progress_state", node_state(prompt_id, 20.0, 20.0, "finished")),
        ("execution_success", {"prompt_id": prompt_id}),
        ("status", {"status": {"exec_info": {"queue_remaining": 0}}}),
        ("executing", {"node": None, "prompt_id": prompt_id}),
    ]


async def test_history_is_there_before_the_last_frame(serve_with: ServeWith) -> None:
    async with serve_with(sampling) as server, server.socket("me") as socket:
        prompt_id = await server.submit()
        await received_until(socket, is_end)
        assert prompt_id in (await server.http.get(f"/history/{prompt_id}")).json()


async def test_client_that_reads_metadata_gets_previews_with_it(serve_with: ServeWith) -> None:
    async with serve_with(sampling) as server, server.socket("me") as socket:
        await socket.send(FLAGS)
        flags = await received_until(socket, lambda kind, _: kind == "feature_flags")
        assert flags[-1][1] == {"supports_preview_metadata": True, "max_upload_size": 100 * 1024 * 1024}
        prompt_id = await server.submit()
        frames = await received_until(socket, is_end)
    preview, _text, picture = [data for kind, data in frames if kind == "binary"]
    event, length = struct.unpack(">II", preview[:8])
    assert event == 4
    assert json.loads(preview[8 : 8 + length]) == {
        "node_id": "2",
        "prompt_id": prompt_id,
        "display_node_id": "2",
        "parent_node_id": None,
        "real_node_id": "2",
        "image_type": "image/jpeg",
    }
    assert preview[8 + length :] == b"JPEG"
    assert picture[:4] == preview[:4]
    assert picture.endswith(b"PNG")


async def test_only_the_first_text_frame_is_looked_at(serve_with: ServeWith) -> None:
    async with serve_with(sampling) as server, server.socket("me") as socket:
        for frame in ("not json", "[1]", FLAGS, b"\x00\x01"):
            await socket.send(frame)
        await server.submit()
        frames = await received_until(socket, is_end)
    assert "feature_flags" not in [kind for kind, _ in frames]
    assert [data[3] for kind, data in frames if kind == "binary"] == [1, 3, 1]


async def test_others_hear_of_the_queue_only(serve_with: ServeWith) -> None:
    async with serve_with(sampling) as server, server.socket("other") as other:
        prompt_id = await server.submit()
        await server.ended(prompt_id)
        frames = await received_until(
            other, lambda kind, data: data == {"status": {"exec_info": {"queue_remaining": 0}}}
        )
    assert {kind for kind, _ in frames} == {"status"}


async def test_prompt_without_client_shows_progress_to_everyone(serve_with: ServeWith) -> None:
    async with serve_with(sampling) as server, server.socket("anyone") as socket:
        await received(socket)
        await server.submit(client_id=None)
        frames = await received_until(
            socket, lambda kind, data: data == {"status": {"exec_info": {"queue_remaining": 0}}}
        )
    kinds = {kind for kind, _ in frames}
    assert kinds == {"status", "progress_state", "progress", "binary"}


async def test_error_frames(serve_with: ServeWith) -> None:
    async with serve_with(failing) as server, server.socket("me") as socket:
        await server.submit()
        frames = await received_until(socket, is_end)
    assert [kind for kind, _ in frames][-4:] == ["executing", "execution_error", "status", "executing"]
    assert set(frames[-3][1]) == {
        "prompt_id",
        "node_id",
        "node_type",
        "executed",
        "exception_message",
        "exception_type",
        "traceback",
        "current_inputs",
        "current_outputs",
        "timestamp",
    }


async def test_interrupt_frames(serve_with: ServeWith) -> None:
    async with serve_with(pausing) as server, server.socket("me") as socket:
        await server.submit("mine")
        await received_until(socket, lambda kind, _: kind == "binary")
        await server.http.post("/interrupt", json={"prompt_id": "mine"})
        frames = await received_until(socket, is_end)
    assert [kind for kind, _ in frames] == ["execution_interrupted", "status", "executing"]
    assert set(frames[0][1]) == {"prompt_id", "node_id", "node_type", "executed", "timestamp"}


async def test_owner_that_reloads_in_mid_run_sees_the_running_node_and_its_last_preview(
    serve_with: ServeWith,
) -> None:
    async with serve_with(pausing) as server:
        async with server.socket("me") as socket:
            await server.submit("mine")
            await received_until(socket, lambda kind, _: kind == "binary")
        async with server.socket("me") as socket:
            frames = await received_until(socket, lambda kind, _: kind == "binary")
    assert [kind for kind, _ in frames] == ["status", "executing", "progress_state", "binary"]
    assert frames[0][1]["sid"] == "me"
    assert frames[1][1] == {"node": "1"}
    assert frames[2][1]["nodes"]["1"]["value"] == 3
    assert frames[3][1] == struct.pack(">II", 1, 2) + b"PNG"


async def test_old_socket_of_a_client_that_came_back_may_close_late(serve_with: ServeWith) -> None:
    async with serve_with(sampling) as server, server.socket("me") as old:
        await received(old)
        async with server.socket("me") as new:
            await received(new)
            await old.close()
            await server.submit()
            frames = await received_until(new, is_end)
    assert "executed" in [kind for kind, _ in frames]


async def test_sockets_of_an_address_are_limited(server: Live) -> None:
    sockets = [await server.socket(f"c{i}") for i in range(64)]
    async with server.socket("toomany") as refused:
        with pytest.raises(ConnectionClosed) as closed:
            await refused.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013
    await asyncio.gather(*(each.close() for each in sockets))

    async def free_again() -> bool | None:
        async with server.socket("me") as socket:
            try:
                return (await received(socket))[0] == "status"
            except ConnectionClosed:
                return None

    assert await until(free_again)


async def test_socket_is_there_below_api_too(server: Live) -> None:
    async with connect(f"ws://127.0.0.1:{server.port}/api/ws?clientId=a", proxy=None) as socket:
        assert (await received(socket))[0] == "status"
