"""Frames between processes: decode(encode(m)) = m, and foreign bytes are refused, never a crash."""

import asyncio
import socket
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.graph.node_schema import InputSchema, NodeSchema
from app.protocol import codec
from app.protocol.commands import Command, Configure, FreeMemory, Interrupt, RunPrompt, Shutdown
from app.protocol.events import (
    Device,
    Event,
    ExecutionCached,
    ExecutionEnded,
    NodeError,
    NodeFinished,
    NodePicture,
    NodePreview,
    NodeProgress,
    NodeText,
    Ready,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(), JSON, max_size=4)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        RunPrompt,
        prompt_id=st.text(),
        prompt=OBJECT,
        targets=st.lists(st.text()),
        extra_pnginfo=st.none() | OBJECT,
    ),
    st.builds(Interrupt, prompt_id=st.none() | st.text()),
    st.builds(FreeMemory),
    st.builds(Shutdown),
    st.builds(
        Configure,
        base_directory=st.text(),
        input_directory=st.text(),
        output_directory=st.text(),
        temp_directory=st.text(),
        model_folders=st.dictionaries(st.text(), st.lists(st.text())),
    ),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(ExecutionCached, prompt_id=st.text(), nodes=st.lists(st.text())),
    st.builds(NodeProgress, value=st.floats(allow_nan=False), total=st.floats(allow_nan=False)),
    st.builds(NodePreview, image=st.binary()),
    st.builds(NodePicture, image=st.binary()),
    st.builds(NodeText, text=st.text()),
    st.builds(NodeFinished, ui=st.none() | OBJECT),
    st.builds(
        ExecutionEnded,
        outputs=st.dictionaries(st.text(), OBJECT, max_size=2),
        error=st.none()
        | st.builds(NodeError, current_inputs=st.dictionaries(st.text(), st.lists(JSON), max_size=2)),
    ),
    st.builds(
        Ready,
        protocol=st.integers(0, 2**31),
        pid=st.integers(0, 2**31),
        devices=st.lists(
            st.builds(Device, vram_total=st.integers(0, 2**63 - 1), vram_free=st.just(0)), max_size=2
        ),
        schemas=st.lists(
            st.builds(
                NodeSchema,
                class_type=st.text(),
                category=st.text(),
                inputs=st.tuples(st.builds(InputSchema, name=st.text(), type=st.text(), options=OBJECT)),
                outputs=st.just(()),
                validates=st.none(),
                search_aliases=st.just(()),
            ),
            max_size=2,
        ),
    ),
)


@given(COMMANDS)
def test_commands_survive(command: Command) -> None:
    assert codec.decode_command(codec.encode(command)[4:]) == command


@given(EVENTS)
def test_events_survive(event: Event) -> None:
    assert codec.decode_event(codec.encode(event)[4:]) == event


@given(st.binary())
def test_random_bytes_are_refused(body: bytes) -> None:
    for decode in (codec.decode_command, codec.decode_event):
        with pytest.raises(codec.BrokenFrame):
            decode(body)


@given(st.lists(COMMANDS, max_size=5), st.integers(1, 40))
def test_frames_split_anywhere_arrive_whole(commands: list[Command], step: int) -> None:
    stream = b"".join(codec.encode(command) for command in commands)

    async def received() -> list[Any]:
        reader = asyncio.StreamReader()
        for start in range(0, len(stream), step):
            reader.feed_data(stream[start : start + step])
        reader.feed_eof()
        found: list[Any] = []
        while (body := await codec.read_body(reader)) is not None:
            found.append(codec.decode_command(body))
        return found

    assert asyncio.run(received()) == commands


def test_an_announced_length_beyond_the_limit_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(struct.pack(">I", codec.FRAME_LIMIT + 1))
        with pytest.raises(codec.BrokenFrame, match="limit"):
            codec.receive_body(theirs)


def test_a_peer_that_leaves_in_the_middle_of_a_frame_is_gone() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(codec.encode(Shutdown())[:-1])
        ours.close()
        assert codec.receive_body(theirs) is None
