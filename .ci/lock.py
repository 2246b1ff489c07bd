"""Writes the lock files from pyproject.toml with uv; `make lock` calls it when a dependency changes."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
TORCH_PIN = ROOT / "requirements-torch.lock"
OF_TORCH = re.compile(r"^(torch|triton|nvidia-.*|cuda-.*)$")  # what depends on the build of torch
PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==")
RUN_HEADER = """\
# Run-time dependencies of server and executor, Python 3.11-3.14, Linux and macOS; written by `make lock`.
# Install with `pip install --require-hashes --no-deps -r requirements.lock`; torch: requirements-torch.lock.
"""
DEV_HEADER = """\
# What tests and checks need beside requirements.lock; written by `make lock`.
"""


def main() -> None:
    """Resolve everything together, so that both files agree, then split it."""
    build_needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    run = resolved(["--extra", "executor"], build_needs)
    everything = resolved(["--extra", "executor", "--extra", "dev"], [*build_needs, *pins(run)])
    RUN_LOCK.write_text(RUN_HEADER + "".join(run.values()))
    DEV_LOCK.write_text(DEV_HEADER + "".join(text for key, text in everything.items() if key not in run))


def resolved(extras: list[str], also: list[str]) -> dict[str, str]:
    """Requirement lines with their hashes, by `name==version ; marker`, without what torch's build adds."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "-", *extras),
        *("--constraint", TORCH_PIN.name, "--universal", "--python-version", "3.11", "--generate-hashes"),
        *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet"),
    ]
    done = subprocess.run(  # noqa: S603  fixed command, no outside input
        command, input="\n".join(also), cwd=ROOT, check=True, capture_output=True, text=True
    )
    entries = re.split(r"(?m)^(?=\S)", done.stdout)
    return {entry.splitlines()[0]: entry for entry in entries if entry and not OF_TORCH.match(name_of(entry))}


def name_of(entry: str) -> str:
    """Package name of a lock entry; raises ValueError for a line of another form."""
    found = PACKAGE.match(entry)
    if found is None:
        raise ValueError(f"not a pinned requirement: {entry.splitlines()[0]}")
    return found[1]


def pins(entries: dict[str, str]) -> list[str]:
    """The resolved versions as requirements, to be kept by the next resolution."""
    return [line.removesuffix("\\").strip() for line in entries]


if __name__ == "__main__":
    main()
