"""A client's buffer: complete for what matters, bounded for the rest."""

import asyncio

import pytest

from app.events.client_buffer import (
    KEPT_PER_KIND,
    MOST_PICTURE_BYTES,
    MOST_WAITING,
    ClientBuffer,
    ClientTooSlow,
)
from app.events.messages import (
    Message,
    NodeExecuting,
    NodeStep,
    Preview,
    PromptSucceeded,
    QueueChanged,
    ResultPicture,
)


def step(value: float) -> NodeStep:
    return NodeStep(value=value, max=100, prompt_id="p", node="1")


def preview(name: str) -> Preview:
    return Preview(
        prompt_id="p", node_id="1", display_node_id="1", image_type="image/png", image=name.encode()
    )


def picture(content: bytes) -> ResultPicture:
    return ResultPicture(
        prompt_id="p", node_id="1", display_node_id="1", image_type="image/png", image=content
    )


async def drain(buffer: ClientBuffer) -> list[Message]:
    return [await buffer.get() for _ in range(len(buffer))]


async def test_messages_leave_in_the_order_in_which_they_came() -> None:
    buffer = ClientBuffer()
    sent: list[Message] = [QueueChanged(queue_remaining=1), step(1), preview("a"), step(2)]
    for message in sent:
        buffer.put(message)
    assert await drain(buffer) == sent


async def test_newest_progress_wins_when_the_client_is_slow() -> None:
    buffer = ClientBuffer()
    for value in range(1000):
        buffer.put(step(value))
    received = await drain(buffer)
    assert received == [step(value) for value in range(1000 - KEPT_PER_KIND[NodeStep], 1000)]


async def test_previews_hold_no_more_than_two_pictures() -> None:
    buffer = ClientBuffer()
    for name in "abcd":
        buffer.put(preview(name))
    assert await drain(buffer) == [preview("c"), preview("d")]


async def test_every_finished_picture_is_kept() -> None:
    buffer = ClientBuffer()
    pictures = [picture(bytes([number])) for number in range(50)]
    for each in pictures:
        buffer.put(each)
    assert await drain(buffer) == pictures


async def test_client_that_leaves_too_many_bytes_of_pictures_waiting_is_given_up() -> None:
    buffer = ClientBuffer()
    half = picture(bytes(MOST_PICTURE_BYTES // 2))
    for _ in range(2):
        buffer.put(half)
        assert await buffer.get() is half
    for _ in range(3):
        buffer.put(half)
    assert await drain(buffer) == [half, half]
    with pytest.raises(ClientTooSlow):
        await buffer.get()


async def test_what_matters_is_never_dropped() -> None:
    buffer = ClientBuffer()
    executing = [NodeExecuting(node=str(i), display_node=str(i), prompt_id="p") for i in range(500)]
    end = PromptSucceeded(prompt_id="p", timestamp=1)
    for message in executing:
        buffer.put(message)
        buffer.put(step(1))
        buffer.put(preview("x"))
    buffer.put(end)
    received = await drain(buffer)
    assert [each for each in received if isinstance(each, NodeExecuting)] == executing
    assert received[-1] == end


async def test_client_that_takes_nothing_is_given_up_instead_of_filling_memory() -> None:
    buffer = ClientBuffer()
    for i in range(MOST_WAITING + 5):
        buffer.put(QueueChanged(queue_remaining=i))
    assert len(buffer) == MOST_WAITING
    for _ in range(MOST_WAITING):
        await buffer.get()
    with pytest.raises(ClientTooSlow):
        await buffer.get()


async def test_get_waits_for_a_message() -> None:
    buffer = ClientBuffer()
    waiting = asyncio.create_task(buffer.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    buffer.put(step(1))
    assert await asyncio.wait_for(waiting, 5) == step(1)
