"""The real server and executor, killed at many moments: each prompt ends once, no file is doubled or half."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from tests.integration.durability.prompts import drawing, prompt
from tests.serving import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WAITING = 20
LEAVE_S = 10.0
"""No executor outlives its server by more than this."""

SIDE = 2048
"""Pixels; the running prompt writes PICTURES pictures of this size, so that there is time to hit it."""

PICTURES = 24

SAMPLED_STEPS = 60
"""Of the prompt that is hit in the middle of sampling."""


def small(number: int) -> dict[str, Any]:
    """A prompt that writes one picture of its own."""
    return prompt(f"waiting{number:02d}", colour=number, side=64, pictures=1)


def queued_at_once(server: Server) -> None:
    """Right after the last acknowledgement."""


def running(server: Server) -> None:
    """When the first prompt has left the queue."""
    server.wait(lambda: _is_running(server), 60, "nothing runs")


def noted(server: Server) -> None:
    """When the first prompt has noted a file and may be writing it."""
    notes = server.base / "state" / "attempts"
    server.wait(lambda: notes.is_dir() and any(notes.iterdir()), 60, "nothing is noted")


def half_written(server: Server) -> None:
    """When a file of the first prompt has its temporary name."""
    server.wait(lambda: any((server.base / "output").glob(".*.part")), 60, "nothing is being written")


def first_picture(server: Server) -> None:
    """When the first prompt has written some of its pictures."""
    server.wait(lambda: any((server.base / "output").glob("running_*.png")), 60, "nothing is written")


@pytest.mark.parametrize("moment", [queued_at_once, running, noted, half_written, first_picture])
def test_killed_server_loses_nothing_and_doubles_nothing(
    server: Server, moment: Callable[[Server], None]
) -> None:
    first = server.submit(prompt("running", colour=255, side=SIDE, pictures=PICTURES))
    others = [server.submit(small(number)) for number in range(1, WAITING + 1)]
    executor = _executor(server)

    moment(server)
    ran = _is_running(server)
    assert ran or moment is queued_at_once
    server.kill()
    _assert_gone(executor)
    server.start()

    records = {each: server.wait_ended(each, 300) for each in [first, *others]}
    assert {each["status"]["status_str"] for each in records.values()} == {"success"}
    assert list(server.client.get("/history").json()) == [first, *others]
    kinds = [kind for kind, _ in records[first]["status"]["messages"]]
    assert kinds.count("requeued") == int(ran)
    for each in others:
        assert "requeued" not in str(records[each]["status"]["messages"])
    _assert_files(server, Counter({"running": PICTURES}) + Counter(_prefixes()))
    assert not list((server.base / "state" / "attempts").glob("*"))


def test_server_killed_while_the_demo_model_samples_draws_the_same_pictures_once(server: Server) -> None:
    whole = server.submit(drawing("whole", SAMPLED_STEPS))
    assert server.wait_ended(whole)["status"]["status_str"] == "success"
    server.client.post("/free", json={"unload_models": True, "free_memory": True})
    with connect(f"{server.url.replace('http', 'ws')}/ws?clientId=watcher", proxy=None) as socket:
        first = server.submit(drawing("running", SAMPLED_STEPS), client_id="watcher")
        others = [server.submit(drawing(f"waiting{number:02d}", 1)) for number in range(1, WAITING + 1)]
        _wait_for_step(socket, SAMPLED_STEPS // 3)
    executor = _executor(server)

    server.kill()
    _assert_gone(executor)
    server.start()

    records = {each: server.wait_ended(each, 300) for each in [first, *others]}
    assert {each["status"]["status_str"] for each in records.values()} == {"success"}
    assert list(server.client.get("/history").json()) == [whole, first, *others]
    assert [kind for kind, _ in records[first]["status"]["messages"]].count("requeued") == 1
    _assert_files(server, Counter({"whole": 1, "running": 1}) + Counter(_prefixes()))
    assert _pixels(server, "running") == _pixels(server, "whole")


def test_second_loss_fails_the_prompt_and_the_queue_goes_on(server: Server) -> None:
    lost = server.submit(prompt("running", colour=255, side=SIDE, pictures=PICTURES))
    other = server.submit(small(1))
    for _ in range(2):
        half_written(server)
        server.kill()
        server.start()
    record = server.wait_ended(lost)
    assert [kind for kind, _ in record["status"]["messages"]] == ["requeued", "execution_error"]
    assert server.wait_ended(other)["status"]["status_str"] == "success"
    _assert_files(server, Counter({"waiting01": 1}))


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGKILL, running),
        (signal.SIGKILL, noted),
        (signal.SIGKILL, half_written),
        (signal.SIGKILL, first_picture),
        (signal.SIGSEGV, running),
        (signal.SIGSEGV, half_written),
    ],
)
def test_killed_executor_fails_its_prompt_with_the_reason_and_is_replaced(
    server: Server, number: signal.Signals, moment: Callable[[Server], None]
) -> None:
    deadly = server.submit(prompt("running", colour=255, side=SIDE, pictures=PICTURES))
    others = [server.submit(small(each)) for each in range(1, WAITING + 1)]
    moment(server)
    executor = _executor(server)
    assert _is_running(server)
    executor.send_signal(number)

    _assert_failed(server.wait_ended(deadly), number)
    _assert_the_rest_ends(server, deadly, others)
    assert _executor(server).pid != executor.pid
    # Whole pictures of a failed prompt stay, as they do when a node fails.
    kept = Counter(path.name.split("_")[0] for path in (server.base / "output").glob("running_*.png"))
    assert kept["running"] < PICTURES
    assert kept["running"] or moment is not first_picture
    _assert_files(server, kept + Counter(_prefixes()))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_executor_killed_while_the_demo_model_samples_fails_its_prompt_alone(
    server: Server, number: signal.Signals
) -> None:
    with connect(f"{server.url.replace('http', 'ws')}/ws?clientId=watcher", proxy=None) as socket:
        deadly = server.submit(drawing("running", SAMPLED_STEPS), client_id="watcher")
        others = [server.submit(drawing(f"waiting{each:02d}", 1)) for each in range(1, WAITING + 1)]
        _wait_for_step(socket, SAMPLED_STEPS // 3)
    executor = _executor(server)
    executor.send_signal(number)

    _assert_failed(server.wait_ended(deadly), number)
    _assert_the_rest_ends(server, deadly, others)
    assert _executor(server).pid != executor.pid
    _assert_files(server, Counter(_prefixes()))


def test_orderly_stop_in_mid_run_leaves_no_process_and_the_prompt_runs_again(server: Server) -> None:
    first = server.submit(prompt("running", colour=255, side=SIDE, pictures=PICTURES))
    half_written(server)
    executor = _executor(server)
    assert server.stop() == 0
    _assert_gone(executor)
    server.start()
    record = server.wait_ended(first)
    assert record["status"]["status_str"] == "success"
    _assert_files(server, Counter({"running": PICTURES}))


def _assert_failed(record: dict[str, Any], number: signal.Signals) -> None:
    assert record["status"]["status_str"] == "error"
    kind, data = record["status"]["messages"][-1]
    assert kind == "execution_error"
    assert number.name in data["exception_message"]


def _assert_the_rest_ends(server: Server, deadly: str, others: list[str]) -> None:
    """The waiting prompts end well, in order, and each prompt is in the history exactly once."""
    states = {server.wait_ended(each, 300)["status"]["status_str"] for each in others}
    assert states == {"success"}
    assert list(server.client.get("/history").json()) == [deadly, *others]
    assert not list((server.base / "state" / "attempts").glob("*"))


def _wait_for_step(socket: ClientConnection, step: int) -> None:
    """Return when sampling has reported that step."""
    while True:
        message = socket.recv(timeout=120)
        if isinstance(message, str) and (told := json.loads(message))["type"] == "progress":
            assert told["data"]["value"] < told["data"]["max"], "the end was reported first"
            if told["data"]["value"] >= step:
                return


def _pixels(server: Server, prefix: str) -> bytes:
    (path,) = (server.base / "output").glob(f"{prefix}_*.png")
    with Image.open(path) as picture:
        return picture.tobytes()


def _prefixes() -> dict[str, int]:
    return {f"waiting{number:02d}": 1 for number in range(1, WAITING + 1)}


def _is_running(server: Server) -> bool:
    return bool(server.client.get("/queue").json()["queue_running"])


def _executor(server: Server) -> psutil.Process:
    server.wait(lambda: bool(psutil.Process(server.pid).children()), 60, "there is no executor")
    (child,) = psutil.Process(server.pid).children()
    return child


def _assert_gone(process: psutil.Process) -> None:
    deadline = time.monotonic() + LEAVE_S
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the executor outlived its server"
        time.sleep(0.02)


def _assert_files(server: Server, expected: Counter[str]) -> None:
    """Whole pictures only, as many per prefix as were asked for, and nothing else."""
    output = server.base / "output"
    found = [path for path in output.rglob("*") if path.is_file()]
    for path in found:
        with Image.open(path) as picture:
            picture.load()
    assert Counter(path.name.split("_")[0] for path in found) == expected
