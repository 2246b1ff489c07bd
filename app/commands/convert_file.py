"""`comfy-creator convert`: makes a .safetensors file of a pickled model in a child process; called by cli."""

import subprocess
import sys
import tempfile
from pathlib import Path

CONVERTER = "app.inference.models.files.convert_pickle"


class CannotConvert(Exception):
    """No .safetensors file can be made; the text says why and what to do."""


def convert_file(source: Path) -> Path:
    """Write the tensors of a pickle beside it and return the new file; raises CannotConvert.

    The child process opens the pickle in a way that allows tensors and plain containers alone.
    """
    source = source.expanduser().absolute()
    target = source.with_suffix(".safetensors")
    if not source.is_file():
        raise CannotConvert(f"There is no file {source}.")
    if target.exists():
        raise CannotConvert(f"{target} is there already: move it away, or use it.")
    try:
        with tempfile.TemporaryDirectory(dir=source.parent, prefix=".convert-") as folder:
            made = Path(folder) / target.name
            done = subprocess.run(  # noqa: S603  our own module; the file names are single arguments
                [sys.executable, "-m", CONVERTER, str(source), str(made)],
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            if done.returncode:
                lines = done.stderr.strip().splitlines()
                why = lines[-1] if lines else "the converter ended early"
                raise CannotConvert(f"{source.name} cannot be converted: {why}.")
            made.rename(target)
    except OSError as exc:
        raise CannotConvert(f"{target} cannot be written: {exc.strerror}.") from exc
    return target
