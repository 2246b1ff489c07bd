"""Cleans up after a lost attempt: removes the files that the executor noted before it wrote them."""

import contextlib
import hashlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path

_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.part")
"""The names that app.files.outputs.write_atomically gives to files until they are complete."""

_log = logging.getLogger(__name__)


class AttemptFiles:
    """Notes under `state/attempts`, one file per prompt with one absolute path per line.

    The executor appends a path before it renames the finished file into place, so that every visible file of
    an unfinished prompt is listed; until then the file is called `.<16 hex digits>.part` in the same folder.
    Only paths inside `roots` (output and temp) are ever removed.
    """

    def __init__(self, state: Path, roots: Sequence[Path]) -> None:
        self._folder = state / "attempts"
        self._roots = [root.resolve() for root in roots]

    def discard(self, prompt_id: str) -> None:
        """Remove the files of an attempt that was lost."""
        listed = self._listed(prompt_id)
        self._remove([*listed, *_unfinished(listed)])
        self._forget(prompt_id)

    def keep(self, prompt_id: str) -> None:
        """The prompt has ended: its whole files stay; what a killed executor left half-written goes."""
        self._remove(_unfinished(self._listed(prompt_id)))
        self._forget(prompt_id)

    def forget_all(self) -> None:
        """Remove notes of prompts that ended just before the server did."""
        for note in self._folder.glob("*.txt"):
            with contextlib.suppress(OSError):
                note.unlink()

    def _remove(self, paths: Sequence[Path]) -> None:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink()
                _log.info("Removed %s, which a lost run had made", path.name)

    def _forget(self, prompt_id: str) -> None:
        with contextlib.suppress(OSError):
            self._note(prompt_id).unlink()

    def _listed(self, prompt_id: str) -> list[Path]:
        try:
            lines = self._note(prompt_id).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        return [path for path in map(Path, lines) if self._is_ours(path)]

    def _is_ours(self, path: Path) -> bool:
        resolved = path.parent.resolve() / path.name
        return any(resolved.is_relative_to(root) for root in self._roots)

    def _note(self, prompt_id: str) -> Path:
        digest = hashlib.sha256(prompt_id.encode()).hexdigest()[:32]
        return self._folder / f"{digest}.txt"


def _unfinished(listed: Sequence[Path]) -> list[Path]:
    """Files with a temporary name beside the listed ones; the one executor alone gives such names."""
    folders = {path.parent for path in listed}
    return [part for folder in folders for part in folder.glob(".*.part") if _UNFINISHED.fullmatch(part.name)]
