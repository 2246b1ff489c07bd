"""A disk that takes no more: clear errors, nothing acknowledged is lost, the next prompt works."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest
from PIL import Image

from tests.integration.durability.prompts import prompt
from tests.serving import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BALLAST = "x" * 900_000
"""Text in a prompt's notes, so that few prompts fill the database's share."""


@contextmanager
def files_limited_to(size: int, process: psutil.Process) -> Iterator[None]:
    """No file of the process may grow beyond `size` bytes, as on a full disk."""
    before = process.rlimit(resource.RLIMIT_FSIZE)
    process.rlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        process.rlimit(resource.RLIMIT_FSIZE, before)


def test_picture_that_does_not_fit_fails_with_the_reason_and_the_next_prompt_works(server: Server) -> None:
    (executor,) = psutil.Process(server.pid).children()
    with files_limited_to(2000, executor):
        failed = server.wait_ended(server.submit(prompt("large", colour=1, side=1024, pictures=1)))
    kind, data = failed["status"]["messages"][-1]
    assert kind == "execution_error"
    assert (data["node_id"], data["node_type"]) == ("2", "SaveImage")
    assert "disk" in data["exception_message"]
    assert list((server.base / "output").iterdir()) == []
    record = server.wait_ended(server.submit(prompt("next", colour=2, side=64, pictures=1)))
    assert record["status"]["status_str"] == "success"
    with Image.open(server.base / "output" / "next_00001_.png") as picture:
        assert picture.size == (64, 64)


def test_database_that_cannot_grow_refuses_with_503_and_keeps_what_it_acknowledged(server: Server) -> None:
    process = psutil.Process(server.pid)
    state = server.base / "state"
    size = max(path.stat().st_size for path in state.glob("comfy-creator.db*"))
    accepted: list[str] = []
    with files_limited_to(size + 3_000_000, process):
        while (answer := _post(server, len(accepted))).status_code == 200:
            accepted.append(answer.json()["prompt_id"])
            assert len(accepted) < 50, "the database never became full"
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "store_unavailable"
        assert int(answer.headers["retry-after"]) > 0
        assert server.client.get("/healthz").status_code == 200
    assert accepted
    for each in accepted:
        assert server.wait_ended(each)["status"]["status_str"] == "success"
    again = server.wait_ended(server.submit(prompt("again", colour=77, side=64, pictures=1)))
    assert again["status"]["status_str"] == "success"
    assert list(server.client.get("/history").json())[:-1] == accepted


def _post(server: Server, number: int) -> httpx.Response:
    nodes = prompt(f"full{number}", colour=number, side=64, pictures=1)
    extra = {"extra_pnginfo": {"ballast": BALLAST}}
    return server.client.post("/prompt", json={"prompt": nodes, "extra_data": extra})
