"""The command line as people use it: real processes, exit codes, sentences."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image

from tests.integration.server.live import PROMPT
from tests.serving import Server, free_port

pytestmark = pytest.mark.slow

LIMIT_S = 200


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `comfy-creator` to its end."""
    return subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "app", *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("base"), free_port(), "--deterministic")
    running.start()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def prompt_file(tmp_path: Path) -> Path:
    path = tmp_path / "prompt.json"
    path.write_text(json.dumps(PROMPT))
    return path


def test_version() -> None:
    answer = run("--version")
    assert (answer.returncode, bool(re.fullmatch(r"comfy-creator \d+\.\d+\.\d+\n", answer.stdout))) == (
        0,
        True,
    )


def test_ready_line_names_the_address_and_foreign_flags_are_accepted(server: Server) -> None:
    ready = f"Comfy Creator is ready: http://127.0.0.1:{server.port}\n"
    server.wait(lambda: ready in server.log.read_text(), LIMIT_S, "nothing says that it is ready")
    assert "--deterministic: accepted, has no effect yet\n" in server.log.read_text()


def test_server_process_has_no_torch_even_after_a_prompt(server: Server) -> None:
    server.wait_ended(server.submit(PROMPT))
    assert "torch" not in Path(f"/proc/{server.pid}/maps").read_text()


def test_busy_port_is_one_sentence_with_a_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run("serve", "--port", str(port), "--base-directory", str(tmp_path))
    assert answer.returncode == 4
    assert answer.stderr.count("\n") == 1
    assert f"Port {port} is already used" in answer.stderr
    assert "--port" in answer.stderr


def test_second_server_on_the_same_folder_is_refused_and_harms_nothing(server: Server) -> None:
    (server.base / "temp" / "preview.png").write_bytes(b"in use")
    answer = run("serve", "--port", str(free_port()), "--base-directory", str(server.base))
    assert answer.returncode == 4
    assert f"process {server.pid}" in answer.stderr
    assert "--base-directory" in answer.stderr
    assert (server.base / "temp" / "preview.png").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["serve", "--port", "many"], "--port"),
        (["serve", "--preview-method", "magic"], "--preview-method"),
        (["serve", "--config", "no-such-file.toml"], "no-such-file.toml"),
        (["run", "no-such-file.json"], "no-such-file.json"),
        (["serve", "--no-such-flag"], "--no-such-flag; `comfy-creator --help`"),
        (["--no-such-flag"], "--no-such-flag; `comfy-creator --help`"),
        (["serve", "--port"], "`comfy-creator serve --help`"),
        (["run"], "FILE.json; `comfy-creator run --help`"),
        (["paint"], "`comfy-creator --help`"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(arguments: list[str], says: str) -> None:
    answer = run(*arguments)
    assert answer.returncode == 2
    assert says in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert "Errno" not in answer.stderr


@pytest.mark.parametrize("command", ["serve", "token", "migrate"])
@pytest.mark.parametrize("place", ["letter.txt", "letter.txt/inside"])
def test_base_directory_that_is_a_file_is_one_sentence_with_the_remedy(
    tmp_path: Path, command: str, place: str
) -> None:
    (tmp_path / "letter.txt").write_text("Dear server")
    answer = run(command, "--port", "0", "--base-directory", str(tmp_path / place))
    assert answer.returncode == 4
    reason = "it is a file" if place == "letter.txt" else "Not a directory"
    assert answer.stderr == (
        f"The folder {tmp_path / place} cannot be used ({reason}): choose another with --base-directory.\n"
    )


@pytest.mark.parametrize("command", ["serve", "token", "migrate"])
def test_base_directory_that_the_system_refuses_is_one_sentence_with_the_remedy(command: str) -> None:
    answer = run(command, "--port", "0", "--base-directory", "/proc/comfy-creator")
    assert answer.returncode == 4
    assert answer.stderr == (
        "The folder /proc/comfy-creator cannot be used (No such file or directory): "
        "choose another with --base-directory.\n"
    )


def test_other_folder_that_cannot_be_used_is_told_with_its_own_flag(
    tmp_path: Path, prompt_file: Path
) -> None:
    (tmp_path / "letter.txt").write_text("Dear server")
    base = ["--port", "0", "--base-directory", str(tmp_path / "base")]
    served = run("serve", *base, "--output-directory", str(tmp_path / "letter.txt"))
    ran = run("run", str(prompt_file), *base, "--output", str(tmp_path / "letter.txt"))
    for answer, flag in ((served, "--output-directory"), (ran, "--output")):
        assert answer.returncode == 4
        assert answer.stderr == (
            f"The folder {tmp_path / 'letter.txt'} cannot be used (it is a file): "
            f"choose another with {flag}.\n"
        )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "(No such file or directory): name another with --extra-model-paths-config."),
        ("a: [\nb: {", "is not YAML (line 2): write sections such as"),
        ("a:\n\tb: c", "is not YAML (line 2): write sections such as"),
        ("\x00", "is not YAML: write sections such as"),
        ("- a\n- b", "must hold sections"),
    ],
)
def test_model_paths_file_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, content: str | None, says: str
) -> None:
    file = tmp_path / "paths.yaml"
    if content is not None:
        file.write_text(content)
    answer = run(
        *("serve", "--port", "0", "--base-directory", str(tmp_path / "base")),
        *("--extra-model-paths-config", str(file)),
    )
    assert answer.returncode == 4
    assert says in answer.stderr
    assert str(file) in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert "Errno" not in answer.stderr


def test_settings_come_from_flags_before_variables_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('port = 1\nlisten = "203.0.113.7"\n')
    config = ["--config", str(tmp_path / "settings.toml"), "--base-directory", str(tmp_path)]
    assert "203.0.113.7" in run("serve", *config, "--port", "0").stderr
    assert "203.0.113.8" in run("serve", *config, "--port", "0", CC_LISTEN="203.0.113.8").stderr
    flag = run("serve", *config, "--port", "0", "--listen", "203.0.113.9", CC_LISTEN="203.0.113.8")
    assert "203.0.113.9" in flag.stderr


def test_token_for_a_folder_that_no_server_used_says_so(tmp_path: Path) -> None:
    for _ in range(2):
        answer = run("token", "--base-directory", str(tmp_path / "base"))
        assert answer.returncode == 0
        assert answer.stdout.strip() == (tmp_path / "base" / "state" / "token").read_text().strip()
        assert answer.stderr == (
            f"No server that demands a token has used the folder {tmp_path / 'base'} yet; the first that "
            "does will demand this one. If yours uses another folder, name it with --base-directory.\n"
        )


def test_exposed_server_prints_its_token_once_and_demands_it(tmp_path: Path) -> None:
    exposed = Server(tmp_path, free_port(), "--listen")
    exposed.start()
    try:
        exposed.wait(lambda: "is ready" in exposed.log.read_text(), 60, "it is not ready")
        (token,) = re.findall(r"\?token=(\S+)", exposed.log.read_text())
        shown = run("token", "--base-directory", str(tmp_path))
        assert (shown.stdout.strip(), shown.stderr) == (token, "")
        refused = exposed.client.get("/queue")
        assert refused.status_code == 401
        assert "comfy-creator token" in refused.text
        assert str(tmp_path) not in refused.text  # strangers learn no path
        right = httpx.get(f"{exposed.url}/queue", headers={"Authorization": f"Bearer {token}"})
        assert right.status_code == 200
        exposed.stop()
        exposed.start()
        exposed.wait(lambda: "shows it" in exposed.log.read_text(), 60, "it gives no advice")
        assert exposed.log.read_text().count(token) == 1
        (advice,) = re.findall(r"demanded; `(.*)` shows it", exposed.log.read_text())
        advised = subprocess.run(  # noqa: S602  a person pastes it into a shell
            advice, shell=True, capture_output=True, text=True, timeout=LIMIT_S, check=True
        )
        assert advised.stdout.strip() == token
    finally:
        exposed.close()


def test_run_uses_the_running_server_and_writes_new_files(
    server: Server, prompt_file: Path, tmp_path: Path
) -> None:
    arguments = ["run", str(prompt_file), "--port", str(server.port), "--output", str(tmp_path / "out")]
    for color in (1, 2):
        answer = run(*arguments, "--set", f"1.color={color}", "--set", "2.filename_prefix=run")
        assert answer.returncode == 0, answer.stderr
        (written,) = answer.stdout.splitlines()
        with Image.open(written) as picture:
            assert picture.convert("RGB").getpixel((0, 0)) == (0, 0, color)
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert answer.stderr == ""  # no progress bar where nobody watches


def test_run_without_a_server_uses_its_own_executor_and_leaves_no_trace(
    prompt_file: Path, tmp_path: Path
) -> None:
    out, base = tmp_path / "out", tmp_path / "base"
    answer = run(
        *("run", str(prompt_file), "--port", str(free_port()), "--output", str(out)),
        *("--base-directory", str(base), "--cpu", "--set", "1.color=255"),
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == [str(out / "x_00001_.png")]
    with Image.open(out / "x_00001_.png") as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (0, 0, 255)
    assert not (base / "state").exists()


def test_changed_input_of_a_node_with_dots_in_its_id_parts_at_the_last_dot(
    server: Server, tmp_path: Path
) -> None:
    link = {**PROMPT["2"]["inputs"], "images": ["1.2.3", 0]}
    prompt = {"1.2.3": PROMPT["1"], "2": {**PROMPT["2"], "inputs": link}}
    (tmp_path / "p.json").write_text(json.dumps(prompt))
    answer = run(
        *("run", str(tmp_path / "p.json"), "--port", str(server.port)),
        *("--output", str(tmp_path), "--set", "1.2.3.color=7"),
    )
    assert answer.returncode == 0, answer.stderr
    with Image.open(answer.stdout.strip()) as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (0, 0, 7)


def test_run_ended_by_ctrl_c_is_exit_code_130_and_leaves_no_executor(tmp_path: Path) -> None:
    pictures = {**PROMPT["1"]["inputs"], "width": 2048, "height": 2048, "batch_size": 64}
    (tmp_path / "p.json").write_text(json.dumps({**PROMPT, "1": {**PROMPT["1"], "inputs": pictures}}))
    command = [sys.executable, "-m", "app", "run", str(tmp_path / "p.json"), "--port", str(free_port())]
    command += ["--output", str(tmp_path / "out"), "--base-directory", str(tmp_path / "base"), "--cpu"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # programs started aside ignore it
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603  our own program
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + LIMIT_S
    while not list((tmp_path / "out").glob("x_*.png")):
        assert process.poll() is None
        assert time.monotonic() < deadline, "no picture was written"
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in said) == (130, False)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_run_tells_every_error_of_a_refused_prompt(server: Server, prompt_file: Path) -> None:
    answer = run(
        *("run", str(prompt_file), "--port", str(server.port)),
        *("--set", "1.width=wide", "--set", '1.height="high"'),
    )
    assert answer.returncode == 3
    assert "node 1 (EmptyImage)" in answer.stderr
    assert "width" in answer.stderr
    assert "height" in answer.stderr


def test_run_of_a_failing_prompt_names_the_node(server: Server, tmp_path: Path) -> None:
    prompt = {
        "1": PROMPT["1"],
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "../../x"}},
    }
    (tmp_path / "p.json").write_text(json.dumps(prompt))
    answer = run("run", str(tmp_path / "p.json"), "--port", str(server.port))
    assert answer.returncode == 1
    assert "node 2 (SaveImage)" in answer.stderr


@pytest.mark.parametrize(
    ("content", "change", "says"),
    [
        ("{", None, "not JSON"),
        ("[]", None, "API format"),
        ('{"nodes": [], "links": []}', None, "workflow of the editor"),
        (json.dumps(PROMPT), "color=1", "NODE.INPUT=VALUE"),
        (json.dumps(PROMPT), "9.color=1", "no node '9'"),
    ],
)
def test_unusable_files_and_changes_say_why(
    tmp_path: Path, content: str, change: str | None, says: str
) -> None:
    (tmp_path / "p.json").write_text(content)
    answer = run("run", str(tmp_path / "p.json"), *(["--set", change] if change else []))
    assert answer.returncode == 2
    assert says in answer.stderr


def test_server_that_is_not_there_is_exit_code_4(prompt_file: Path) -> None:
    answer = run("run", str(prompt_file), "--server", f"http://127.0.0.1:{free_port()}")
    assert answer.returncode == 4
    assert "comfy-creator serve" in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_server_and_everything_it_started(tmp_path: Path, number: signal.Signals) -> None:
    server = Server(tmp_path, free_port())
    server.start()
    server.wait(lambda: bool(psutil.Process(server.pid).children()), 60, "there is no executor")
    process = psutil.Process(server.pid)
    children = process.children(recursive=True)
    process.send_signal(number)
    gone, alive = psutil.wait_procs([process, *children], timeout=20)
    assert alive == []
    assert len(gone) == 1 + len(children)
    assert server.stop() == 0
    server.client.close()
