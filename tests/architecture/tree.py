"""The files of the project, for the tests that look at the project itself."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file under version control that exists, sorted."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607  git as the developer has it
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(sorted(path for name in listing.split("\0") if name and (path := ROOT / name).is_file()))


def tracked_texts() -> tuple[Path, ...]:
    """Those of them that hold text."""
    return tuple(path for path in tracked_files() if b"\0" not in path.read_bytes()[:8192])


def modules(*rooms: str) -> tuple[Path, ...]:
    """Tracked Python files of `app`, or of these rooms of it."""
    folders = [ROOT / "app" / room for room in rooms] or [ROOT / "app"]
    return tuple(
        path
        for path in tracked_files()
        if path.suffix == ".py" and any(path.is_relative_to(folder) for folder in folders)
    )


def dotted_name(path: Path) -> str:
    """`app/graph/plan.py` as `app.graph.plan`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def run(
    *command: str | Path,
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
    timeout_s: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's own tools to its end; the caller looks at the exit status."""
    return subprocess.run(  # noqa: S603  commands are written in the tests
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout_s, check=False
    )
