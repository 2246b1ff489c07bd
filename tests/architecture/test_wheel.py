"""The built wheel: complete, and able to serve outside the checkout."""

import os
import re
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture import tree

BUNDLED = ("frontend_dist", "migrations", "static")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = tree.run(
        *(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"),
        *("--wheel-dir", str(folder), str(tree.ROOT)),
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def content(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_holds_every_module_and_data_file_of_the_package(content: set[str]) -> None:
    package = {
        str(path.relative_to(tree.ROOT))
        for path in tree.tracked_files()
        if path.is_relative_to(tree.ROOT / "app")
    }
    assert package <= content


@pytest.mark.parametrize("folder", BUNDLED)
def test_wheel_bundles_what_the_server_serves(content: set[str], folder: str) -> None:
    files = [path for path in tree.tracked_files() if path.is_relative_to(tree.ROOT / folder)]
    assert files
    assert {f"app/_bundle/{path.relative_to(tree.ROOT)}" for path in files} <= content


def test_wheel_carries_licence_and_notices(content: set[str]) -> None:
    names = {Path(name).name for name in content if ".dist-info/licenses/" in name}
    assert names == {"LICENSE", "NOTICE"}


def test_wheel_holds_nothing_else(content: set[str]) -> None:
    strangers = {name for name in content if not re.match(r"(app/|comfy_creator-[0-9.]+\.dist-info/)", name)}
    assert strangers == set()
    assert not {name for name in content if "__pycache__" in name or "/tests/" in name}


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The folder into which the wheel was installed."""
    target = tmp_path / "installed"
    done = tree.run(
        *(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"),
        *("--target", str(target), str(wheel)),
    )
    assert done.returncode == 0, done.stderr
    return target


def test_installed_wheel_keeps_its_data_in_the_users_data_folder(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CC_")}
    environment |= {"PYTHONPATH": str(installed), "XDG_DATA_HOME": str(tmp_path / "data")}

    code = "from app.settings import Settings; print(Settings().base)"
    found = tree.run(sys.executable, "-c", code, cwd=tmp_path, env=environment).stdout.strip()

    assert found == str(tmp_path / "data" / "comfy-creator")


def test_installed_wheel_finds_its_bundle_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = f"from app.files.bundle import bundled; print(*map(bundled, {BUNDLED!r}), sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    found = tree.run(sys.executable, "-c", code, cwd=tmp_path, env=environment).stdout.split()

    assert found == [str(installed / "app" / "_bundle" / name) for name in BUNDLED]
