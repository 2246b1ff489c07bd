"""Makes .venv and installs the locked dependencies when they changed; `make run`, `setup` and `test` call it.

Needs nothing but the standard library. A stamp in .venv records what was installed, so that the next call
returns at once and asks no network.
"""

import argparse
import hashlib
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
RUN_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
TORCH_PIN = ROOT / "requirements-torch.lock"
GB = 10**9
DEFAULT_PORT = 8188
DISK_BYTES = 2 * GB  # a .venv with the CPU build of torch, and the space pip needs meanwhile
CUDA_DISK_BYTES = 9 * GB  # the CUDA libraries, as wheels and unpacked
DEV_DISK_BYTES = GB // 2


class CannotPrepare(Exception):
    """The environment cannot be made; the text says why and what to do."""


def main() -> int:
    """Prepare what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["run", "dev"], help="what a start needs, or also what tests need")
    parser.add_argument("--port", help="port of the server, which no argument after -- changes")
    before, separator, after = split(sys.argv[1:])
    arguments = parser.parse_args(before)
    try:
        if separator or arguments.port is not None:
            check_port(port_of_server(arguments.port, after))
        install_run()
        if arguments.part == "dev":
            install_dev()
    except CannotPrepare as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def split(words: list[str]) -> tuple[list[str], bool, list[str]]:
    """The words before `--`, whether there is one, and the words after it: those of `comfy-creator serve`."""
    if "--" not in words:
        return words, False, []
    at = words.index("--")
    return words[:at], True, words[at + 1 :]


def port_of_server(given: str | None, server_words: list[str]) -> str | None:
    """The port that `comfy-creator serve` is going to take; None for any free one.

    Flags come before CC_PORT, this before the settings file, as in app/settings.py, which cannot be imported
    before the environment is made. What is wrong with words and file is left for the server to say.
    """
    if given is not None:
        return given
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--port", default=os.environ.get("CC_PORT") or None)
    parser.add_argument("--config", default=os.environ.get("CC_CONFIG") or None)
    try:
        found, _ = parser.parse_known_args(server_words)
    except argparse.ArgumentError:
        return None
    port: str | None = found.port
    if port is None and found.config is not None:
        try:
            settings = tomllib.loads(Path(found.config).expanduser().read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        port = str(settings.get("port", DEFAULT_PORT))
    port = port or str(DEFAULT_PORT)
    return port if port.isdecimal() and 0 < int(port) < 65536 else None


def check_port(text: str | None) -> None:
    """Raise CannotPrepare unless a server can listen on this port of 127.0.0.1; None is any free one."""
    if text is None:
        return
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotPrepare(
            f"PORT={text} is no port number: choose one from 1 to 65535, for example PORT=8189."
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except PermissionError as problem:
            raise CannotPrepare(
                f"Port {text} is reserved by the system: choose one above 1023, such as make run PORT=8189."
            ) from problem
        except OSError as problem:
            raise CannotPrepare(
                f"Port {text} is in use, perhaps by another Comfy Creator: "
                f"stop that program, or choose another port with make run PORT={int(text) % 65535 + 1}."
            ) from problem


def install_run() -> None:
    """Server and executor with all they import, torch last: its build differs between sources."""
    stamp = Stamp("run", RUN_LOCK, TORCH_PIN)
    if stamp.is_current():
        return
    if sys.platform == "darwin" and platform.machine() != "arm64":
        raise CannotPrepare("torch has no build for this Python: use one made for Apple silicon (arm64).")
    require_disk(DISK_BYTES)
    say(download_notice())
    make_venv()
    pip("--quiet", "--require-hashes", "--no-deps", "-r", RUN_LOCK.name)
    torch_arguments = shlex.split(os.environ.get("TORCH_ARGS", ""))
    pip("--no-deps", *torch_arguments, "-r", TORCH_PIN.name)
    if torch_needs_cuda_libraries():
        say("This build of torch uses NVIDIA's libraries: about 2.2 GB more to download.")
        require_disk(CUDA_DISK_BYTES)
        pip(*torch_arguments, "-r", TORCH_PIN.name)
    pip("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")
    stamp.write()


def install_dev() -> None:
    """Linters, type checker, test libraries."""
    stamp = Stamp("dev", RUN_LOCK, TORCH_PIN, DEV_LOCK)
    if stamp.is_current():
        return
    require_disk(DEV_DISK_BYTES)
    say("Installing what tests need (about 0.15 GB to download).")
    pip("--quiet", "--require-hashes", "--no-deps", "-r", DEV_LOCK.name)
    stamp.write()


class Stamp:
    """A file in .venv with the hash of the lock files that were installed."""

    def __init__(self, name: str, *locks: Path) -> None:
        self.path = VENV / f".installed-{name}"
        content = b"\0".join(lock.read_bytes() for lock in [*locks, ROOT / "pyproject.toml"])
        self.value = hashlib.sha256(content).hexdigest()

    def is_current(self) -> bool:
        """Whether exactly these locks are installed in a .venv that still works."""
        return self.path.is_file() and self.path.read_text() == self.value and venv_works()

    def write(self) -> None:
        """Record that the installation is complete."""
        self.path.write_text(self.value)


def venv_works() -> bool:
    """Whether .venv has a Python of a supported version that starts, with pip."""
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))"
    try:
        return subprocess.run([VENV_PYTHON, "-c", check], capture_output=True, check=False).returncode == 0  # noqa: S603  our own .venv
    except OSError:
        return False


def make_venv() -> None:
    """A fresh .venv, unless there is one that works."""
    if venv_works():
        return
    interpreter = getattr(sys, "_base_executable", sys.executable)
    done = subprocess.run([interpreter, "-m", "venv", "--clear", VENV], cwd=ROOT, check=False)  # noqa: S603  this interpreter
    if done.returncode != 0:
        raise CannotPrepare(
            f"{interpreter} could not make the virtual environment {VENV}: see the lines above; "
            "PYTHON=/path/to/python makes it with another interpreter."
        )


def pip(*arguments: str) -> None:
    """Run pip install in .venv; its own words tell what failed."""
    command = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, cwd=ROOT, check=False).returncode == 0:  # noqa: S603  our own .venv
        return
    require_disk(GB // 4)
    raise CannotPrepare(
        "Installing failed, see the lines above: check the internet connection and run make again; "
        "what was installed so far is kept."
    )


def require_disk(needed_bytes: int) -> None:
    """Raise CannotPrepare when the disk of the checkout has less free space."""
    free_bytes = shutil.disk_usage(ROOT).free
    if free_bytes < needed_bytes:
        raise CannotPrepare(
            f"The disk of {ROOT} has {free_bytes / GB:.1f} GB free, {needed_bytes / GB:.1f} GB are needed: "
            "free some space, or clone to another disk."
        )


def download_notice() -> str:
    """What the installation is going to fetch."""
    if sys.platform == "darwin":
        return "Installing the dependencies into .venv (about 0.3 GB to download)."
    return (
        "Installing the dependencies into .venv (about 0.4 GB to download with a CPU build of torch, "
        "2.9 GB with the CUDA build; TORCH_ARGS chooses, see README.md)."
    )


def torch_needs_cuda_libraries() -> bool:
    """Whether the installed torch names NVIDIA packages among its requirements on this system."""
    code = "import importlib.metadata as m; print(*(m.requires('torch') or ()), sep='\\n')"
    listing = subprocess.run([VENV_PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout  # noqa: S603  our own .venv
    return sys.platform == "linux" and any(
        line.startswith(("nvidia", "cuda")) for line in listing.splitlines()
    )


def say(text: str) -> None:
    """One line for the person who waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
