"""One real server with a tiny checkpoint for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests import checkpoints
from tests.serving import Server, serving

CHECKPOINT = "sub folder/tiny.safetensors"


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("pictures")
    folder = base / "models" / "checkpoints"
    checkpoints.save_tiny(folder / CHECKPOINT)
    whole = (folder / CHECKPOINT).read_bytes()
    (folder / "truncated.safetensors").write_bytes(whole[: len(whole) // 2])
    (folder / "letter.safetensors").write_text("Dear model,\nplease draw a cat.\n")
    with serving(base) as running:
        running.wait_ready()
        yield running
