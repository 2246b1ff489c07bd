"""Notes which files a running prompt is about to write, so that a lost attempt can be cleaned up."""

import hashlib
from pathlib import Path


def journal_path(state: Path, prompt_id: str) -> Path:
    """The note of one prompt; its name is a digest because prompt ids are arbitrary text."""
    digest = hashlib.sha256(prompt_id.encode()).hexdigest()[:32]
    return state / "attempts" / f"{digest}.txt"


class CreatedFiles:
    """The note of the running prompt: one absolute path per line, on disk before the file appears."""

    def __init__(self, state: Path, prompt_id: str) -> None:
        self._path = journal_path(state, prompt_id)

    def add(self, file: Path) -> None:
        """Note a file that is about to be written."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as journal:
            journal.write(f"{file}\n")
