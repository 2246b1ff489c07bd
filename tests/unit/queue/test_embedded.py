"""The embedded queue: order, numbers, outcomes, lost attempts, idempotency."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from app.queue.attempt_files import AttemptFiles
from app.queue.base import IdempotencyKeyReused, NewPrompt, Outcome, PromptIdInUse
from app.queue.embedded import EmbeddedQueue
from app.store.database import Database
from app.store.history import History, drop_oldest

DONE = Outcome(state="success", messages=(("execution_success", {"prompt_id": "x"}),))


def new(prompt_id: str, **more: Any) -> NewPrompt:
    return NewPrompt(prompt_id=prompt_id, prompt={"1": {"class_type": "A"}}, targets=("1",), **more)


async def take_all(queue: EmbeddedQueue) -> list[str]:
    taken: list[str] = []
    while (queued := await queue.take()) is not None:
        taken.append(queued.prompt_id)
        await queue.finish(queued.prompt_id, DONE)
    return taken


async def test_prompts_run_in_the_order_in_which_they_came(queue: EmbeddedQueue) -> None:
    for name in "cab":
        await queue.put(new(name))
    assert await take_all(queue) == ["c", "a", "b"]


async def test_lower_number_goes_first_and_front_goes_before_all(queue: EmbeddedQueue) -> None:
    await queue.put(new("first"))
    await queue.put(new("second"))
    await queue.put(new("early", number=-0.5))
    await queue.put(new("front", front=True))
    assert await take_all(queue) == ["front", "early", "first", "second"]


async def test_clients_get_their_own_number_back_as_a_float_and_ours_as_an_integer(
    queue: EmbeddedQueue,
) -> None:
    numbers = [
        (await queue.put(new("a"))).number,
        (await queue.put(new("b", number=7.0))).number,
        (await queue.put(new("c"))).number,
        (await queue.put(new("d", front=True))).number,
    ]
    assert numbers == [0, 7.0, 1, -2]
    assert [type(each) for each in numbers] == [int, float, int, int]


async def test_refused_submissions_count(queue: EmbeddedQueue) -> None:
    await queue.skip_number()
    assert (await queue.put(new("a"))).number == 1


async def test_numbers_go_on_after_a_restart(database: Database, files: AttemptFiles) -> None:
    await EmbeddedQueue(database, files).put(new("a"))
    reopened = EmbeddedQueue(database, files)
    assert (await reopened.put(new("b"))).number == 1


async def test_seeds_of_64_bits_survive(queue: EmbeddedQueue) -> None:
    prompt = {"1": {"class_type": "A", "inputs": {"seed": 2**64 - 1, "cfg": 4.0}}}
    await queue.put(NewPrompt(prompt_id="big", prompt=prompt, targets=("1",)))
    taken = await queue.take()
    assert taken is not None
    assert taken.prompt == prompt
    assert type(taken.prompt["1"]["inputs"]["cfg"]) is float


async def test_outcome_is_written_once(queue: EmbeddedQueue, history: History) -> None:
    await queue.put(new("a"))
    await queue.take()
    assert await queue.finish("a", DONE)
    assert not await queue.finish("a", Outcome(state="error", messages=()))
    record = await history.record("a")
    assert record is not None
    assert record.state == "success"


async def test_pending_prompt_cannot_be_finished(queue: EmbeddedQueue, history: History) -> None:
    await queue.put(new("a"))
    assert not await queue.finish("a", DONE)
    assert await history.record("a") is None


async def test_deleting_touches_waiting_prompts_only(queue: EmbeddedQueue) -> None:
    for name in "abc":
        await queue.put(new(name))
    await queue.take()
    assert await queue.delete(["a", "b", "unknown"]) == 1
    state = await queue.state()
    assert [each.prompt_id for each in state.running] == ["a"]
    assert [each.prompt_id for each in state.pending] == ["c"]
    assert await queue.clear() == 1
    assert await queue.remaining() == 1


async def test_changes_are_told_with_the_remaining_count(database: Database, files: AttemptFiles) -> None:
    told: list[int] = []
    queue = EmbeddedQueue(database, files, on_change=told.append)
    await queue.put(new("a"))
    await queue.put(new("b"))
    await queue.take()
    await queue.finish("a", DONE)
    await queue.clear()
    assert told == [1, 2, 2, 1, 0]


async def test_wait_returns_when_a_prompt_comes(queue: EmbeddedQueue) -> None:
    assert await queue.take() is None
    waiting = asyncio.create_task(queue.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    await queue.put(new("a"))
    await asyncio.wait_for(waiting, 5)


async def test_lost_prompt_returns_to_the_head_once(queue: EmbeddedQueue) -> None:
    for name in "ab":
        await queue.put(new(name))
    await queue.take()
    recovered = await queue.requeue_lost()
    assert recovered.requeued == ("a",)
    again = await queue.take()
    assert again is not None
    assert (again.prompt_id, again.attempt) == ("a", 2)
    ((kind, data),) = again.losses
    assert kind == "requeued"
    assert (data["prompt_id"], data["attempt"]) == ("a", 1)
    assert data["timestamp"] > 0


async def test_second_loss_fails_the_prompt_with_the_reason(queue: EmbeddedQueue, history: History) -> None:
    await queue.put(new("a"))
    await queue.take()
    await queue.requeue_lost()
    await queue.take()
    assert (await queue.requeue_lost()).failed == ("a",)
    assert await queue.take() is None
    record = await history.record("a")
    assert record is not None
    assert record.state == "error"
    status = json.loads(record.outcome or "")["status"]
    assert [kind for kind, _ in status["messages"]] == ["requeued", "execution_error"]
    assert "2 times" in status["messages"][1][1]["exception_message"]
    assert status["status_str"] == "error"


async def test_leaving_in_order_is_no_attempt(queue: EmbeddedQueue) -> None:
    await queue.put(new("a"))
    for _ in range(4):
        taken = await queue.take()
        assert taken is not None
        assert taken.attempt == 1
        await queue.give_back("a")


async def test_files_of_a_lost_attempt_are_removed_and_those_of_an_ended_one_stay(
    queue: EmbeddedQueue, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    for name in ("ended", "lost"):
        await queue.put(new(name))
        await queue.take()
        _note(tmp_path, name, output / f"{name}.png", tmp_path / "elsewhere.txt")
        (output / f"{name}.png").write_bytes(b"picture")
        if name == "ended":
            await queue.finish(name, DONE)
    (output / ".0123456789abcdef.part").write_bytes(b"half")
    foreign = [".foo.part", ".0123456789abcdef0.part", ".0123456789ABCDEF.part", ".part"]
    for name in foreign:
        (output / name).write_bytes(b"another program's")
    (tmp_path / "elsewhere.txt").write_text("not ours")
    await queue.requeue_lost()
    assert sorted(each.name for each in output.iterdir()) == sorted([*foreign, "ended.png"])
    assert (tmp_path / "elsewhere.txt").exists()
    assert list((tmp_path / "state" / "attempts").iterdir()) == []


async def test_prompt_id_in_use_is_refused_and_that_of_an_ended_prompt_is_free(
    queue: EmbeddedQueue, history: History
) -> None:
    await queue.put(new("a"))
    with pytest.raises(PromptIdInUse, match="'a'"):
        await queue.put(new("a"))
    await queue.take()
    with pytest.raises(PromptIdInUse):
        await queue.put(new("a"))
    await queue.finish("a", DONE)
    await queue.put(new("a"))
    assert await history.record("a") is None
    assert await take_all(queue) == ["a"]


async def test_same_key_and_request_give_the_same_receipt(queue: EmbeddedQueue) -> None:
    first = await queue.put(new("a", idempotency_key="k", request_hash="h", node_errors={"2": {}}))
    second = await queue.put(new("b", idempotency_key="k", request_hash="h"))
    assert second == first
    assert await queue.remaining() == 1


async def test_same_key_with_another_request_is_refused(queue: EmbeddedQueue) -> None:
    await queue.put(new("a", idempotency_key="k", request_hash="h"))
    with pytest.raises(IdempotencyKeyReused, match="'k'"):
        await queue.put(new("b", idempotency_key="k", request_hash="other"))


async def test_key_is_claimed_once_by_many_at_the_same_time(queue: EmbeddedQueue) -> None:
    receipts = await asyncio.gather(
        *(queue.put(new(f"p{i}", idempotency_key="k", request_hash="h")) for i in range(10))
    )
    assert len({each.prompt_id for each in receipts}) == 1
    assert await queue.remaining() == 1


async def test_history_pages(queue: EmbeddedQueue, history: History) -> None:
    for name in "abcde":
        await queue.put(new(name))
    await take_all(queue)

    async def names(max_items: int | None, offset: int) -> str:
        return "".join(row.prompt_id for row in await history.page(max_items, offset))

    assert await names(None, 0) == "abcde"
    assert await names(2, 0) == "de"
    assert await names(2, 1) == "bc"
    assert await names(None, 3) == "de"
    assert await names(2, 9) == ""
    await history.delete(["b", "unknown"])
    assert await names(None, 0) == "acde"


async def test_history_forgets_ended_prompts_only(queue: EmbeddedQueue, history: History) -> None:
    for name in "abc":
        await queue.put(new(name))
    await queue.take()
    await queue.finish("a", DONE)
    await queue.take()
    await history.delete(None)
    assert await history.page() == []
    assert await queue.remaining() == 2


async def test_oldest_records_are_dropped(queue: EmbeddedQueue, history: History, database: Database) -> None:
    for name in "abcd":
        await queue.put(new(name))
    await take_all(queue)
    await queue.put(new("waiting"))
    async with database.write() as connection:
        await drop_oldest(connection, kept=2)
    assert [row.prompt_id for row in await history.page()] == ["c", "d"]
    assert await queue.remaining() == 1


def _note(base: Path, prompt_id: str, *paths: Path) -> None:
    folder = base / "state" / "attempts"
    folder.mkdir(exist_ok=True)
    name = hashlib.sha256(prompt_id.encode()).hexdigest()[:32]
    (folder / f"{name}.txt").write_text("".join(f"{path}\n" for path in paths))
