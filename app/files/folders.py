"""Where data lives: one base directory with models, inputs, outputs, state; built by wiring."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from app.files.bundle import bundled
from app.files.extra_model_paths import read_extra_model_paths
from app.files.model_folders import ModelFolders, default_folders, with_extra


@dataclass(frozen=True, kw_only=True)
class DataFolders:
    """The data folders. `state` (database, token) is never served; `temp` is emptied at every start."""

    base: Path
    input: Path
    output: Path
    temp: Path
    user: Path
    state: Path
    models: ModelFolders

    def prepare(self) -> None:
        """Make the folders that are missing and empty `temp`; raises OSError where the disk refuses."""
        fresh = not self.input.exists()
        for each in (self.base, self.input, self.output, self.temp, self.user):
            each.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        for key in ("checkpoints", "loras", "vae", "text_encoders", "diffusion_models", "embeddings"):
            (self.base / "models" / key).mkdir(parents=True, exist_ok=True)
        self.clear_temp()
        if fresh:
            _copy_samples(bundled("static") / "input", self.input)

    def clear_temp(self) -> None:
        """Empty `temp`, without following links."""
        for each in self.temp.iterdir():
            with contextlib.suppress(OSError):
                if each.is_dir() and not each.is_symlink():
                    shutil.rmtree(each, ignore_errors=True)
                else:
                    each.unlink()


def _copy_samples(source: Path, target: Path) -> None:
    if source.is_dir():
        for each in source.iterdir():
            shutil.copyfile(each, target / each.name)


def data_folders(
    base: Path, output: Path | None = None, extra_model_paths: Path | None = None
) -> DataFolders:
    """The layout under `base`; nothing is created.

    Without `extra_model_paths` a file `extra_model_paths.yaml` in `base` is used if there is one.
    Raises BadModelPaths.
    """
    base = base.expanduser().absolute()
    output = (output or base / "output").expanduser().absolute()
    folders = default_folders(base, output, bundled("static") / "models")
    listed = base / "extra_model_paths.yaml"
    paths_file = extra_model_paths or (listed if listed.is_file() else None)
    if paths_file is not None:
        folders = with_extra(folders, read_extra_model_paths(paths_file))
    return DataFolders(
        base=base,
        input=base / "input",
        output=output,
        temp=base / "temp",
        user=base / "user",
        state=base / "state",
        models=ModelFolders(folders),
    )
