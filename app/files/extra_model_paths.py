"""Reads `extra_model_paths.yaml`, so that other programs' model folders are used in place."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from app.files.errors import BadModelPaths


@dataclass(frozen=True, kw_only=True)
class ExtraPath:
    """One more folder for a model folder key; `first` puts it before the product's own."""

    key: str
    path: Path
    first: bool = False


def read_extra_model_paths(file: Path) -> list[ExtraPath]:
    """The folders named in `file`: sections of `folder key: path`, several paths one per line.

    `base_path` is put before relative paths and is itself relative to the file; `is_default: true` puts the
    section's folders first. Raises BadModelPaths, naming the file and the section.
    """
    import yaml  # only those who have such a file pay for it at the start

    try:
        document: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadModelPaths(
            f"The model paths file {file} cannot be read ({exc.strerror}): "
            "name another with --extra-model-paths-config."
        ) from exc
    except (UnicodeDecodeError, yaml.YAMLError) as exc:
        raise BadModelPaths(
            f"The model paths file {file} is not YAML{_place(exc)}: "
            "write sections such as `my_models:` with lines such as `checkpoints: folder`."
        ) from exc
    if document is None:
        return []
    if not isinstance(document, dict):
        raise BadModelPaths(f"The model paths file {file} must hold sections such as `my_models:`.")
    sections = cast("dict[object, object]", document)
    return [path for name, section in sections.items() for path in _section(file, str(name), section)]


def _place(error: Exception) -> str:
    """Where the parser stopped, such as ` (line 3)`, as far as it knows."""
    mark: object = getattr(error, "problem_mark", None)
    line: object = getattr(mark, "line", None)
    return f" (line {line + 1})" if isinstance(line, int) else ""


def _section(file: Path, name: str, section: object) -> Iterator[ExtraPath]:
    if section is None:
        return
    if not isinstance(section, dict):
        raise BadModelPaths(f"In {file}, section {name!r} must list folders as `checkpoints: path`.")
    entries = {str(key): value for key, value in cast("dict[object, object]", section).items()}
    base = file.resolve().parent / Path(str(entries.pop("base_path", "") or "")).expanduser()
    first = bool(entries.pop("is_default", False))
    for key, lines in entries.items():
        if not isinstance(lines, str):
            raise BadModelPaths(f"In {file}, {name}.{key} must be a path, or several paths one per line.")
        for line in filter(None, map(str.strip, lines.splitlines())):
            yield ExtraPath(key=key, path=base / Path(line).expanduser(), first=first)
