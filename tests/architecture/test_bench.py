"""`make bench` prints what can be measured here and never fails a run."""

import os
from pathlib import Path

from tests.architecture import tree


def test_benchmark_that_cannot_run_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "ran $2"\n[ "$2" != benchmarks.editor_frames ]\n')
    python.chmod(0o755)

    done = tree.run(
        *("make", "--no-print-directory", "--old-file=setup", "bench", f"PY={python}"),
        env={**os.environ, "MAKEFLAGS": ""},
    )

    scripts = {path.stem for path in (tree.ROOT / "benchmarks").glob("*.py")}
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert {line.removeprefix("ran benchmarks.") for line in lines if line.startswith("ran ")} == scripts
    assert lines[-1] == "Left out or not finished, see above for the reasons: editor_frames"
