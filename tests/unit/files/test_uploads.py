"""Uploads, annotated names, user files and the token of a name's folder."""

from pathlib import Path

import pytest

from app.files.errors import EscapingName, FileNotAvailable, UnsafeName
from app.files.folders import DataFolders, data_folders
from app.files.safe_names import relative_parts
from app.files.settings_file import FILE_NAME, merge_settings, read_settings
from app.files.uploads import input_images, newest_first, resolve_annotated, store_upload
from app.files.user_files import listing, move_file


@pytest.fixture
def folders(tmp_path: Path) -> DataFolders:
    """Prepared data folders."""
    made = data_folders(tmp_path)
    made.prepare()
    return made


def store(folders: DataFolders, content: bytes, *, overwrite: bool = False, name: str = "a.b.png") -> str:
    stored = store_upload(
        folders, name=name, content=content, folder_type="input", subfolder="s", overwrite=overwrite
    )
    return stored.name


def test_equal_content_keeps_its_name_and_other_content_gets_a_number(folders: DataFolders) -> None:
    assert [store(folders, each) for each in (b"1", b"1", b"2", b"3", b"2")] == [
        "a.b.png",
        "a.b.png",
        "a.b (1).png",
        "a.b (2).png",
        "a.b (1).png",
    ]
    assert (folders.input / "s" / "a.b.png").read_bytes() == b"1"


def test_overwrite_replaces(folders: DataFolders) -> None:
    assert [store(folders, b"1"), store(folders, b"2", overwrite=True)] == ["a.b.png", "a.b.png"]
    assert (folders.input / "s" / "a.b.png").read_bytes() == b"2"


def test_names_without_suffix_are_numbered_at_their_end(folders: DataFolders) -> None:
    assert [store(folders, each, name=".env") for each in (b"1", b"2")] == [".env", ".env (1)"]


def test_the_suffix_of_a_name_chooses_the_folder(folders: DataFolders) -> None:
    (folders.output / "x").mkdir()
    for root in (folders.input, folders.output / "x", folders.temp):
        (root / "a.png").write_bytes(root.name.encode())
    assert resolve_annotated(folders, "a.png").read_bytes() == b"input"
    assert resolve_annotated(folders, "x/a.png [output]").read_bytes() == b"x"
    assert resolve_annotated(folders, "a.png [temp]").read_bytes() == b"temp"
    with pytest.raises(FileNotAvailable, match=str(folders.output)):
        resolve_annotated(folders, "a.png [output]")


def test_the_input_menu_lists_pictures_only(folders: DataFolders) -> None:
    for name in ("b.PNG", "a.jpg", "notes.txt", ".hidden.png"):
        (folders.input / name).touch()
    assert [each for each in input_images(folders) if not each.startswith("example")] == ["a.jpg", "b.PNG"]


def test_temp_is_emptied_at_the_start_without_following_links(tmp_path: Path, folders: DataFolders) -> None:
    keep = tmp_path / "keep"
    keep.mkdir()
    (keep / "file").touch()
    (folders.temp / "link").symlink_to(keep)
    (folders.temp / "sub").mkdir()
    (folders.temp / "sub" / "x.png").touch()
    folders.prepare()
    assert list(folders.temp.iterdir()) == []
    assert (keep / "file").exists()


def test_samples_come_with_a_new_input_folder_only(tmp_path: Path, folders: DataFolders) -> None:
    sample = folders.input / "example-shape.png"
    assert sample.is_file()
    sample.unlink()
    folders.prepare()
    assert not sample.exists()


def test_newest_files_come_first(folders: DataFolders) -> None:
    import os

    for age, name in enumerate(("new.png", "mid.png", "old.png")):
        (folders.output / name).touch()
        os.utime(folders.output / name, (1_000_000 - age, 1_000_000 - age))
    assert newest_first(folders.output) == ["new.png", "mid.png", "old.png"]


def test_moving_makes_folders_and_refuses_to_replace(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    with pytest.raises(FileExistsError):
        move_file(tmp_path, ("a",), ("b",), overwrite=False)
    move_file(tmp_path, ("a",), ("x", "y"), overwrite=False)
    assert [each.path for each in listing(tmp_path, (), recurse=True)] == ["b", "x", "x/y"]
    assert (tmp_path / "x" / "y").read_bytes() == b"1"


def test_a_file_moved_onto_itself_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    move_file(tmp_path, ("a",), ("a",), overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"1"


def test_settings_are_merged_and_survive_a_broken_file(tmp_path: Path) -> None:
    merge_settings(tmp_path, {"a": 1, "__proto__": {"x": 1}})
    merge_settings(tmp_path, {"b": 2})
    assert read_settings(tmp_path) == {"a": 1, "__proto__": {"x": 1}, "b": 2}
    (tmp_path / FILE_NAME).write_text("{broken")
    assert read_settings(tmp_path) == {}
    merge_settings(tmp_path, {"c": 3})
    assert read_settings(tmp_path) == {"c": 3}
    assert (tmp_path / "comfy.settings.json.broken").read_text() == "{broken"


@pytest.mark.parametrize(
    "name", ["/a", "\\a", "../a", "a/..", "a\\..\\b", "C:a", "//host/share", "\\\\host\\x"]
)
def test_names_that_lead_out_are_told_apart(name: str) -> None:
    with pytest.raises(EscapingName):
        relative_parts(name)


@pytest.mark.parametrize("name", ["a\0", "a\n", "con", "COM1.txt", "lpt9 .x", "x" * 256, "a/./b", "y/" * 600])
def test_names_that_are_no_names_are_refused(name: str) -> None:
    with pytest.raises(UnsafeName):
        relative_parts(name)


@pytest.mark.parametrize(
    "name", ["console.png", "a b", "ünï.png", "...png", "12:30", "%2e%2e", "workflow [1].json"]
)
def test_ordinary_names_are_taken_as_they_are(name: str) -> None:
    assert relative_parts(name) == (name,)
