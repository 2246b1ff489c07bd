"""The command line: `comfy-creator serve | run | convert | token | migrate`; failures are one sentence."""

import argparse
import asyncio
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from app.commands import exit_codes
from app.commands.flags import add_settings, add_vram_flags, add_without_effect
from app.settings import Settings, SettingsFileError, default_base

COMMANDS = ("serve", "run", "convert", "token", "migrate")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    # ComfyUI's start scripts give flags only, and mean: serve.
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given = ["serve", *given]
    arguments = _parser().parse_args(given)
    try:
        settings = _settings(arguments)
    except SettingsFileError as exc:
        return _fail(str(exc), exit_codes.USAGE)
    except ValueError as exc:
        return _fail(_wrong_setting(exc), exit_codes.USAGE)
    match arguments.command:
        case "serve":
            return _serve(settings, arguments.without_effect, given)
        case "run":
            return _run(settings, arguments)
        case "convert":
            return _convert(arguments.file)
        case "token":
            return _token(settings)
        case _:
            return _migrate(settings)


def _serve(settings: Settings, without_effect: Sequence[str], argv: Sequence[str]) -> int:
    from app.commands.serve import CannotListen, bind, serve
    from app.log import set_up_log

    logs = set_up_log(settings.verbose)
    for flag in without_effect:
        print(f"{flag}: accepted, has no effect yet", file=sys.stderr)
    try:
        sockets = bind(settings.listen, settings.port)
    except CannotListen as exc:
        return _fail(str(exc), exit_codes.CANNOT_START)
    new_token = not (settings.base / "state" / "token").exists()

    def on_ready(address: str, token: str | None) -> None:
        # The token is shown once, when it is made; later the command `token` shows it.
        shown = f"{address}/?token={token}" if token and new_token else address
        print(f"Comfy Creator is ready: {shown}", flush=True)
        if token and not new_token:
            print(f"The access token is demanded; `{_token_command(settings)}` shows it.", flush=True)

    with _Explained(settings) as problem:
        asyncio.run(serve(settings, sockets, logs, argv, on_ready))
    return problem.code


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    from app.commands.run_file import Request, UnusableFile, read_request, run_file
    from app.log import set_up_log

    set_up_log("ERROR")
    try:
        request: Request = read_request(arguments.file, arguments.set, arguments.server, arguments.output)
    except UnusableFile as exc:
        return _fail(str(exc), exit_codes.USAGE)
    with _Explained(settings, output=request.output) as problem:
        problem.code = asyncio.run(run_file(request, settings))
    return problem.code


def _convert(file: str) -> int:
    from app.commands.convert_file import CannotConvert, convert_file

    try:
        made = convert_file(Path(file))
    except CannotConvert as exc:
        return _fail(str(exc), exit_codes.USAGE)
    print(f"Made {made}; the pickle is no longer needed.")
    return exit_codes.OK


def _token(settings: Settings) -> int:
    from app.api.security.token_file import read_or_make_token

    state = settings.base / "state"
    with _Explained(settings) as problem:
        used = (state / "token").exists() and (state / "server.lock").exists()
        print(read_or_make_token(state / "token"))
        if not used:
            print(
                f"No server that demands a token has used the folder {settings.base} yet; the first that "
                "does will demand this one. If yours uses another folder, name it with --base-directory.",
                file=sys.stderr,
            )
    return problem.code


def _token_command(settings: Settings) -> str:
    """The command that shows this server's token, as a shell on this computer takes it."""
    script = Path(sys.executable).with_name("comfy-creator")
    found = shutil.which("comfy-creator")
    if found and Path(found) == script:
        program = ["comfy-creator"]
    else:
        program = [str(script)] if script.exists() else [sys.executable, "-m", "app"]
    folder = [] if settings.base == default_base() else ["--base-directory", str(settings.base)]
    return shlex.join([*program, "token", *folder])


def _migrate(settings: Settings) -> int:
    from app.store.migrations import migrate, packaged_revisions

    path = settings.base / "state" / "comfy-creator.db"
    with _Explained(settings) as problem:
        path.parent.mkdir(parents=True, exist_ok=True)
        migrate(path)
        print(f"The database {path} has schema {packaged_revisions()[-1]}.")
    return problem.code


class _Explained:
    """Turns foreseen failures into one sentence and an exit code."""

    def __init__(self, settings: Settings, output: Path | None = None) -> None:
        self.code = exit_codes.OK
        self._settings = settings
        self._output = output

    def __enter__(self) -> "_Explained":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: Any) -> bool:
        if error is None:
            return False
        if isinstance(error, KeyboardInterrupt):
            self.code = exit_codes.INTERRUPTED
            return True
        if isinstance(error, OSError):
            from app.commands.unusable_folder import unusable_folder

            sentence = unusable_folder(error, self._settings, self._output)
            self.code = _fail(sentence, exit_codes.CANNOT_START)
            return True
        if _is_ours(error):
            self.code = _fail(str(error), exit_codes.CANNOT_START)
            return True
        return False


def _is_ours(error: BaseException) -> bool:
    """Errors of our rooms are sentences; those of libraries and programming errors are not."""
    from app.api.security.policy import BadPolicy
    from app.api.security.token_file import BadToken
    from app.files.claim import FoldersInUse
    from app.files.errors import FilesError
    from app.store.errors import StoreError

    return isinstance(error, BadPolicy | BadToken | FoldersInUse | FilesError | StoreError)


def _settings(arguments: argparse.Namespace) -> Settings:
    given = {name: value for name, value in vars(arguments).items() if name in Settings.model_fields}
    return Settings(**given)


def _wrong_setting(error: ValueError) -> str:
    """The first problem pydantic found, as a sentence about the flag."""
    errors: Any = getattr(error, "errors", None)
    if errors is None:
        return str(error)
    first = errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "a setting"
    flag = f"--{name.replace('_', '-')}"
    return f"The setting {flag} (or CC_{name.upper()}) is wrong: {first['msg']}; got {first.get('input')!r}."


def _fail(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="comfy-creator", description="Makes pictures with diffusion models, from graphs of nodes."
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="start the editor and the server", allow_abbrev=False)
    add_settings(serve)
    add_vram_flags(serve)
    add_without_effect(serve)
    run = commands.add_parser(
        "run", help="run a prompt from a file and write its pictures", allow_abbrev=False
    )
    run.add_argument("file", metavar="FILE.json", help="prompt in API format")
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NODE.INPUT=VALUE",
        help="change an input; VALUE is JSON, or else text; may be repeated",
    )
    run.add_argument("--server", metavar="URL", help="use this server instead of looking for one")
    run.add_argument("--output", metavar="DIR", default=".", help="folder for the pictures (default: here)")
    add_settings(run)
    add_vram_flags(run)
    convert = commands.add_parser(
        "convert", help="make a .safetensors file of a pickled model (.ckpt, .pt, .bin)", allow_abbrev=False
    )
    convert.add_argument("file", metavar="FILE", help="the pickled model; the new file is made beside it")
    for name, about in (
        ("token", "show the access token, make it if need be"),
        ("migrate", "update the database"),
    ):
        add_settings(commands.add_parser(name, help=about, allow_abbrev=False))
    return parser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the command line in one sentence, without the list of all flags."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit."""
        what = " ".join(message.split())
        self.exit(
            exit_codes.USAGE, f"{what[:1].upper()}{what[1:]}; `{self.prog} --help` shows what can be given.\n"
        )


class _ShowVersion(argparse.Action):
    """Reads the version only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from app.wiring import version

        print(f"comfy-creator {version()}")
        parser.exit(0)
