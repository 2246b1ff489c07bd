"""Finds the folders that travel with the program: the editor's files, migrations, static samples."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def bundled(name: str) -> Path:
    """Folder `name` (frontend_dist, migrations, static): in an installed package, else in the checkout."""
    packaged = _PACKAGE / "_bundle" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
