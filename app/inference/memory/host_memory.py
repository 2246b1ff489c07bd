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
    return min([psutil.virtual_memory().available, *_left_in_container(cgroup)])


def _left_in_container(cgroup: Path) -> Iterator[int]:
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
        yield max(0, limit - used + sum(int(kept.get(name, 0)) for name in reclaimable))
