"""What happens around a run: files that are no models, interrupts, and a server that stays free of torch."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Server

SEED_WORKFLOW = Path(__file__).parents[2] / "golden" / "seed-workflow-api.json"


def prompt(
    checkpoint: str = "sub folder/tiny.safetensors", *, steps: int = 2, seed: int = 5
) -> dict[str, Any]:
    workflow: dict[str, Any] = json.loads(SEED_WORKFLOW.read_text())
    workflow["4"]["inputs"]["ckpt_name"] = checkpoint
    workflow["5"]["inputs"].update(width=64, height=64)
    workflow["3"]["inputs"].update(steps=steps, seed=seed)
    return workflow


@pytest.mark.parametrize("name", ["truncated.safetensors", "letter.safetensors"])
def test_a_file_that_is_no_model_is_named_and_the_next_prompt_works(server: Server, name: str) -> None:
    record = server.wait_ended(server.submit(prompt(name)))
    assert record["status"]["status_str"] == "error"
    ((_, error),) = [each for each in record["status"]["messages"] if each[0] == "execution_error"]
    assert error["node_id"] == "4"
    assert error["node_type"] == "CheckpointLoaderSimple"
    assert name in error["exception_message"]
    assert server.wait_ended(server.submit(prompt()))["status"]["status_str"] == "success"


def test_interrupt_ends_sampling_before_it_is_through(server: Server) -> None:
    server.wait_ended(
        server.submit(prompt(seed=8))
    )  # imports and loading are over: what is interrupted is sampling
    prompt_id = server.submit(prompt(steps=5000))
    server.wait(
        lambda: len(server.client.get("/queue").json()["queue_running"]) == 1, 60, "the prompt did not start"
    )
    assert server.client.post("/interrupt").status_code == 200
    record = server.wait_ended(prompt_id, limit_s=30)
    assert record["status"]["status_str"] == "error"
    assert record["status"]["completed"] is False
    assert record["status"]["messages"][-1][0] == "execution_interrupted"
    assert server.executor_state() in ("ready", "busy")
    assert server.wait_ended(server.submit(prompt(seed=9)))["status"]["status_str"] == "success"


def test_interrupt_of_another_prompt_changes_nothing(server: Server) -> None:
    prompt_id = server.submit(prompt(seed=77))
    server.client.post("/interrupt", json={"prompt_id": "somebody-else"})
    assert server.wait_ended(prompt_id)["status"]["status_str"] == "success"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_server_process_never_loads_torch(server: Server) -> None:
    server.wait_ended(server.submit(prompt(seed=3)))
    maps = Path(f"/proc/{server.pid}/maps").read_text()
    assert "python" in maps
    assert "torch" not in maps
    executor = next(
        child for child in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    )
    assert "libtorch" in Path(f"/proc/{executor}/maps").read_text()


def test_nothing_changed_means_nothing_runs(server: Server) -> None:
    first = server.wait_ended(server.submit(prompt(seed=11)))
    again = server.wait_ended(server.submit(prompt(seed=11)))
    cached = dict(again["status"]["messages"])["execution_cached"]["nodes"]
    assert set(cached) == set(prompt())
    assert again["outputs"] == first["outputs"]


def test_free_unloads_and_the_next_prompt_loads_again(server: Server) -> None:
    answer = server.client.post("/free", json={"unload_models": True, "free_memory": True})
    assert (answer.status_code, answer.content) == (200, b"")
    record = server.wait_ended(server.submit(prompt(seed=11)))
    assert dict(record["status"]["messages"])["execution_cached"]["nodes"] == []
