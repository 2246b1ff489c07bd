"""No name, however nasty, reads, writes, moves or removes anything outside its root."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.files.beneath import open_file, remove_file, write_file
from app.files.errors import FilesError
from app.files.folders import DataFolders, data_folders
from app.files.outputs import next_output, write_atomically
from app.files.safe_names import contained, relative_parts
from app.files.uploads import resolve_annotated, store_upload
from app.files.user_files import move_file

PIECES = st.sampled_from(
    ("..", ".", "", "/", "\\", "//", "a", "b.png", "link", "inner", "secret", "C:", "nul", "~")
)
ODD_PIECES = st.sampled_from(
    ("%2e%2e", "\0", "\n", "\u2024\u2024", "..;", "\uff0e\uff0e", "[output]", "%year%", "\ud800", "x" * 300)
)
NAMES = st.one_of(
    st.lists(PIECES | ODD_PIECES, max_size=6).map("/".join),
    st.lists(PIECES | ODD_PIECES, max_size=6).map("".join),
    st.text(max_size=40),
)


@contextmanager
def data() -> Iterator[tuple[DataFolders, Path]]:
    """Data folders with links that lead out, and the canary beside them."""
    with TemporaryDirectory() as name:
        top = Path(name)
        canary = top / "secret"
        canary.mkdir()
        (canary / "secret").write_bytes(b"secret")
        folders = data_folders(top / "base")
        folders.prepare()
        for root in (folders.input, folders.output, folders.user):
            (root / "link").symlink_to(canary)
            (root / "inner").mkdir()
        yield folders, canary


def snapshot(canary: Path) -> dict[str, bytes]:
    """Everything outside the data folders, by path."""
    found: dict[str, bytes] = {}
    for folder, names, files in os.walk(canary.parent):
        if Path(folder) == canary.parent:
            names[:] = [each for each in names if each != "base"]
        for each in files:
            path = Path(folder) / each
            found[str(path)] = path.read_bytes()
    return found


@settings(deadline=None, max_examples=60)
@given(NAMES)
@example("../secret/secret")
@example("link/secret")
@example("inner\\..\\..\\secret")
def test_a_checked_path_lies_inside(name: str) -> None:
    with data() as (folders, _):
        try:
            path = contained(folders.input, relative_parts(name))
        except FilesError:
            return
        assert path.is_relative_to(folders.input.resolve())


@settings(deadline=None, max_examples=60)
@given(NAMES)
@example("link/secret")
@example("../secret/secret")
def test_nothing_outside_is_read(name: str) -> None:
    with data() as (folders, _):
        try:
            with open_file(folders.input, relative_parts(name)) as file:
                content = file.read()
        except FilesError:
            content = b""
        assert content != b"secret"
        try:
            content = resolve_annotated(folders, name).read_bytes()
        except FilesError:
            return
        assert content != b"secret"


@settings(deadline=None, max_examples=60)
@given(NAMES, NAMES, st.booleans())
@example("link/secret", "secret", True)
@example("../../secret/secret", "../secret/secret", True)
def test_nothing_outside_is_changed(name: str, other: str, overwrite: bool) -> None:
    with data() as (folders, canary):
        before = snapshot(canary)
        attempts = (
            lambda: write_file(folders.user, relative_parts(name), b"new", overwrite=overwrite),
            lambda: move_file(folders.user, relative_parts(other), relative_parts(name), overwrite=overwrite),
            lambda: remove_file(folders.user, relative_parts(name)),
            lambda: store_upload(
                folders, name=other, content=b"new", folder_type="input", subfolder=name, overwrite=overwrite
            ),
            lambda: write_atomically(
                next_output(folders.output, name).path(), lambda file: file.write(b"new")
            ),
        )
        for attempt in attempts:
            try:
                attempt()
            except (FilesError, FileExistsError):
                continue
        assert snapshot(canary) == before


def test_a_file_swapped_for_a_link_while_it_is_opened_is_never_followed(tmp_path: Path) -> None:
    folders = data_folders(tmp_path / "base")
    folders.prepare()
    (tmp_path / "secret").write_bytes(b"secret")
    victim = folders.output / "a.png"
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for name, make in (
                ("link", lambda path: path.symlink_to(tmp_path / "secret")),
                ("file", Path.touch),
            ):
                spare = folders.output / name
                make(spare)
                spare.replace(victim)

    victim.touch()
    swapper = threading.Thread(target=swap, name="swapper")
    swapper.start()
    opened = 0
    try:
        for _ in range(10_000):
            try:
                with open_file(folders.output, ("a.png",)) as file:
                    assert file.read() == b""
            except FilesError:
                continue
            opened += 1
    finally:
        stop.set()
        swapper.join()
    assert opened > 0
