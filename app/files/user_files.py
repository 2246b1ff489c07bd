"""A user's own files (workflows, settings, subgraphs): listing and moving below `user/<name>`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.files.beneath import open_file, remove_file, write_file
from app.files.errors import FileNotAvailable
from app.files.folders import DataFolders
from app.files.safe_names import contained, not_available

DEFAULT_USER = "default"


@dataclass(frozen=True, kw_only=True)
class UserFile:
    """A file or folder; `path` is relative to what was listed, with forward slashes; times in seconds."""

    path: str
    is_folder: bool
    size: int
    modified: float
    created: float

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("/")[2]


def user_root(folders: DataFolders, user: str = DEFAULT_USER) -> Path:
    """The folder of one user; made when it is missing."""
    root = folders.user / user
    root.mkdir(parents=True, exist_ok=True)
    return root


def listing(root: Path, parts: tuple[str, ...], *, recurse: bool) -> list[UserFile]:
    """Files and folders below `parts`, hidden ones left out, links not followed.

    Raises FileNotAvailable when there is no such folder.
    """
    folder = contained(root, parts)
    if not folder.is_dir():
        raise not_available(parts)
    return sorted(_walk(folder, "", recurse=recurse), key=lambda each: each.path)


def _walk(folder: Path, prefix: str, *, recurse: bool) -> Iterator[UserFile]:
    with os.scandir(folder) as entries:
        found = [each for each in entries if not each.name.startswith(".") and not each.is_symlink()]
    for each in found:
        status = each.stat(follow_symlinks=False)
        path = prefix + each.name
        yield UserFile(
            path=path,
            is_folder=each.is_dir(follow_symlinks=False),
            size=status.st_size,
            modified=status.st_mtime,
            created=status.st_ctime,
        )
        if recurse and each.is_dir(follow_symlinks=False):
            yield from _walk(folder / each.name, f"{path}/", recurse=True)


def describe(root: Path, parts: tuple[str, ...]) -> UserFile:
    """The facts about one existing file; raises FileNotAvailable."""
    with open_file(root, parts) as file:
        status = os.fstat(file.fileno())
    return UserFile(
        path="/".join(parts),
        is_folder=False,
        size=status.st_size,
        modified=status.st_mtime,
        created=status.st_ctime,
    )


def move_file(root: Path, source: tuple[str, ...], target: tuple[str, ...], *, overwrite: bool) -> None:
    """Give a file another name; missing folders are made.

    Raises FileNotAvailable, FileExistsError when the target exists and `overwrite` is False, UnsafeName.
    """
    with open_file(root, source) as file:
        content = file.read()
    if source == target:
        return
    write_file(root, target, content, overwrite=overwrite)
    try:
        remove_file(root, source)
    except FileNotAvailable:
        return  # somebody else removed it meanwhile
