"""Says in one sentence which folder cannot be used and which flag chooses another; called by cli."""

from collections.abc import Iterator
from pathlib import Path

from app.settings import Settings


def unusable_folder(error: OSError, settings: Settings, output: Path | None = None) -> str:
    """The sentence for an error of the system. `output` is where `comfy-creator run` puts its pictures."""
    reason = error.strerror or type(error).__name__
    if not isinstance(error.filename, str):
        return f"The system refused what was needed ({reason}): look for what else uses this machine."
    named = Path(error.filename).absolute()
    folder, flag = next(
        (each for each in _choices(settings, output) if named.is_relative_to(each[0])),
        (named, "--base-directory"),
    )
    if folder.is_file():
        reason = "it is a file"
    return f"The folder {folder} cannot be used ({reason}): choose another with {flag}."


def _choices(settings: Settings, output: Path | None) -> Iterator[tuple[Path, str]]:
    """Folders that people can choose, with their flags; the base directory holds the rest and comes last."""
    if output is not None:
        yield output, "--output"
    for name in ("output_directory", "input_directory", "temp_directory", "user_directory"):
        chosen: Path | None = getattr(settings, name)
        if chosen is not None:
            yield chosen.expanduser().absolute(), f"--{name.replace('_', '-')}"
    yield settings.base, "--base-directory"
