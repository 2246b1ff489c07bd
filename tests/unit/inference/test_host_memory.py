"""Free memory is that of the machine, or of the container where that is less."""

from pathlib import Path

import psutil
import pytest

from app.inference.memory.host_memory import free_host_bytes, total_host_bytes

GB = 10**9


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        available = 8 * GB
        total = 16 * GB

    monkeypatch.setattr(psutil, "virtual_memory", Memory)


def container(folder: Path, names: tuple[str, str], limit: str, used: int, stat: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip((*names, "memory.stat"), (f"{limit}\n", f"{used}\n", stat), strict=True):
        (folder / name).write_text(content, encoding="ascii")


def test_machine_counts_where_there_is_no_container(tmp_path: Path) -> None:
    assert free_host_bytes(tmp_path) == 8 * GB
    assert total_host_bytes(tmp_path) == 16 * GB


def test_limit_of_a_container_counts_and_its_file_cache_is_free(tmp_path: Path) -> None:
    stat = f"anon {2 * GB}\ninactive_file {GB}\nactive_file {GB // 2}\n"
    container(tmp_path, ("memory.max", "memory.current"), str(4 * GB), 3 * GB + GB // 2, stat)

    assert free_host_bytes(tmp_path) == 2 * GB
    assert total_host_bytes(tmp_path) == 4 * GB


def test_limit_of_an_older_kind_of_container_counts(tmp_path: Path) -> None:
    stat = f"cache 5\ntotal_inactive_file {GB}\ntotal_active_file 0\n"
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    container(tmp_path / "memory", names, str(3 * GB), 2 * GB, stat)

    assert free_host_bytes(tmp_path) == 2 * GB


def test_container_without_limit_is_as_large_as_the_machine(tmp_path: Path) -> None:
    container(tmp_path, ("memory.max", "memory.current"), "max", GB, "anon 1\n")

    assert free_host_bytes(tmp_path) == 8 * GB
