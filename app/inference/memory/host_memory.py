"""How much main memory this process may still take: of the machine, or of the container that it runs in."""

from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")


def free_host_bytes(cgroup: Path = CGROUP) -> int:
    """Free main memory in bytes, what the system only keeps files in counted as free.

    `cgroup` is where Linux shows a container's limits (kernel documentation, cgroup-v2.rst and
    cgroup-v1/memory.rst); elsewhere, and without limits, the machine's memory counts.
    """
    return min([psutil.virtual_memory().available, *(left for _, left in _limits(cgroup))])


def total_host_bytes(cgroup: Path = CGROUP) -> int:
    """Main memory in bytes: of the machine, or of the container if that has less; see free_host_bytes."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _limits(cgroup))])


def _limits(cgroup: Path) -> Iterator[tuple[int, int]]:
    """Limits of the container, and what is left of each."""
    files = (
        (cgroup, "memory.max", "memory.current", ("inactive_file", "active_file")),
        (
            cgroup / "memory",
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            ("total_inactive_file", "total_active_file"),
        ),
    )
    for folder, limit_name, used_name, reclaimable in files:
        try:
            limit = int((folder / limit_name).read_text(encoding="ascii"))
            used = int((folder / used_name).read_text(encoding="ascii"))
            kept = dict(line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines())
        except (OSError, ValueError):  # no such container, or "max": no limit
            continue
        yield limit, max(0, limit - used + sum(int(kept.get(name, 0)) for name in reclaimable))
