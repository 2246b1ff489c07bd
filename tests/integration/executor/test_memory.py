"""Memory of a real executor process: what models take is given back, and running out is survived."""

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.checkpoints import Tiny, save_tiny
from tests.serving import Server, free_port
from tests.text_to_image import text_to_image

LARGE = Tiny(channels=224, mult=(1, 2, 4), attention=(True, True, True))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("memory") / "base"
    for name, sizes in (("small", Tiny()), ("large", LARGE)):
        save_tiny(base / "models" / "checkpoints" / f"{name}.safetensors", sizes)
    made = Server(base, free_port())
    made.start()
    made.wait_ready()
    yield made
    made.close()


def picture(checkpoint: str, size: int = 64) -> dict[str, Any]:
    """A prompt that samples one step."""
    return text_to_image(f"{checkpoint}.safetensors", checkpoint, size=size)


def run(server: Server, prompt: dict[str, Any]) -> str:
    return server.wait_ended(server.submit(prompt))["status"]["status_str"]


def models_bytes(server: Server) -> int:
    return server.client.get("/system_stats").json()["executor"]["models_bytes"]


def executor_bytes(server: Server) -> int:
    """Memory that only the executor has: pages of its own, mapped weights included."""
    executors = psutil.Process(server.pid).children()
    assert len(executors) == 1
    return executors[0].memory_full_info().uss


def free(server: Server) -> None:
    server.client.post("/free", json={"unload_models": True, "free_memory": True})
    server.wait(lambda: models_bytes(server) == 0, 60, "the models were not unloaded")


def test_free_gives_nine_tenths_of_the_models_memory_back(server: Server) -> None:
    assert run(server, picture("small")) == "success"
    free(server)
    before = executor_bytes(server)

    assert run(server, picture("large")) == "success"
    with_model, size = executor_bytes(server), models_bytes(server)
    free(server)
    after = executor_bytes(server)

    assert size > 200_000_000
    assert with_model - before >= 0.9 * size
    assert with_model - after >= 0.9 * size
    assert run(server, picture("small")) == "success"


def test_a_picture_too_large_for_the_memory_is_an_error_and_the_next_prompt_works(server: Server) -> None:
    huge = picture("small", size=16384)
    huge["3"]["inputs"]["batch_size"] = 4096

    record = server.wait_ended(server.submit(huge))

    (error,) = (each[1] for each in record["status"]["messages"] if each[0] == "execution_error")
    assert error["exception_type"] == "app.inference.memory.model_store.OutOfMemory"
    assert "not enough memory" in error["exception_message"]
    assert run(server, picture("small")) == "success"
