"""Output names and counters, and files that appear whole or not at all."""

import errno
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

from app.files.errors import FilesError, OutOfDiskSpace
from app.files.outputs import next_output, write_atomically


def test_the_first_file_has_counter_one(tmp_path: Path) -> None:
    target = next_output(tmp_path, "ComfyUI")
    assert (target.name(), target.subfolder, target.folder) == ("ComfyUI_00001_.png", "", tmp_path)


def test_the_counter_follows_the_highest_of_the_same_prefix(tmp_path: Path) -> None:
    for name in ("ComfyUI_00007_.png", "ComfyUI_00003_.png", "ComfyUI_x_00099_.png", "other_00050_.png"):
        (tmp_path / name).touch()
    target = next_output(tmp_path, "ComfyUI")
    assert [target.name(0), target.name(1)] == ["ComfyUI_00008_.png", "ComfyUI_00009_.png"]


def test_counters_beyond_five_digits_go_on(tmp_path: Path) -> None:
    (tmp_path / "a_123456_.png").touch()
    assert next_output(tmp_path, "a").name() == "a_123457_.png"


def test_slashes_and_backslashes_make_subfolders(tmp_path: Path) -> None:
    target = next_output(tmp_path, "a/b\\c")
    assert (target.subfolder, target.name()) == ("a/b", "c_00001_.png")
    assert target.folder == tmp_path / "a" / "b"
    assert target.folder.is_dir()


def test_tokens_are_filled_in(tmp_path: Path) -> None:
    year = f"{datetime.now().astimezone():%Y}"
    target = next_output(tmp_path, "%year%/%width%x%height%_%batch_num%_%unknown%", 640, 480)
    assert target.subfolder == year
    assert target.name(2) == "640x480_2_%unknown%_00003_.png"


def test_batch_numbers_share_one_counter(tmp_path: Path) -> None:
    (tmp_path / "a_0_00004_.png").touch()
    (tmp_path / "a_1_00005_.png").touch()
    assert next_output(tmp_path, "a_%batch_num%").name(0) == "a_0_00006_.png"


@pytest.mark.parametrize(
    "prefix", ["../x", "/etc/x", "a/../../x", "C:\\x", "a\0b", "x" * 300, "..", "a/..", "nul"]
)
def test_a_prefix_that_leaves_the_folder_is_refused(tmp_path: Path, prefix: str) -> None:
    root = tmp_path / "output"
    root.mkdir()
    with pytest.raises(FilesError):
        next_output(root, prefix).name()
    assert sorted(tmp_path.iterdir()) == [root]


def test_a_linked_subfolder_that_leads_out_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "output", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "link").symlink_to(outside)
    with pytest.raises(FilesError):
        next_output(root, "link/x")


def test_a_failing_writer_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write_atomically(tmp_path / "a.png", fail)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_stays_whole_when_its_successor_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(file: BinaryIO) -> None:
        file.write(b"new")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutOfDiskSpace):
        write_atomically(path, fail)
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_is_told_as_such(tmp_path: Path) -> None:
    def to_full_device(file: BinaryIO) -> None:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(OutOfDiskSpace, match=r"a\.png"):
        write_atomically(tmp_path / "a.png", to_full_device)


_LIMITED = """
import resource, sys
from pathlib import Path
from PIL import Image
from app.files.errors import OutOfDiskSpace
from app.files.outputs import write_atomically
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
image = Image.effect_noise((256, 256), 100).convert("RGB")
try:
    write_atomically(Path(sys.argv[1]), lambda file: image.save(file, sys.argv[2]))
except OutOfDiskSpace:
    sys.exit(7)
"""


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_the_file_size_limit_is_told_as_a_full_disk(tmp_path: Path, image_format: str) -> None:
    path = tmp_path / "a.bin"
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", _LIMITED, str(path), image_format],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.returncode == 7
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_atomically(path, lambda file: Image.new("RGB", (2, 2), "red").save(file, "PNG"))
    with Image.open(path) as image:
        assert image.getpixel((1, 1)) == (255, 0, 0)
