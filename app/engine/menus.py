"""The menus that node schemas name as sources: what they offer and accept, and where a missing file goes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from app.files.diffusers_menu import diffusers_choices, offers_diffusers
from app.files.errors import FilesError
from app.files.folders import DataFolders
from app.files.model_folders import ModelFolders
from app.files.uploads import input_files, input_images, input_latents, output_images, resolve_annotated
from app.files.vae_menu import offers_vae, vae_choices

_MODELS = "models:"


@dataclass(frozen=True, kw_only=True)
class Menu:
    """One menu over the data folders."""

    choices: Callable[[DataFolders], list[str]]
    """Everything it offers now, sorted; outputs the newest first."""
    accepts: Callable[[DataFolders, str], bool]
    """Whether a value names a file that it stands for, also one that `a.png [output]` names."""
    hint: Callable[[DataFolders], str]
    """Where to put a file that is missing."""


def menu_of(source: str) -> Menu | None:
    """The menu of `models:<folder key>` or of a name in `MENUS`; None for others, which offer nothing."""
    if not source.startswith(_MODELS):
        return MENUS.get(source)
    key = source.removeprefix(_MODELS)
    return _of_models(key, lambda models: models.list(key), lambda models, name: models.offers(key, name))


def _of_models(
    key: str, choices: Callable[[ModelFolders], list[str]], offers: Callable[[ModelFolders, str], bool]
) -> Menu:
    return Menu(
        choices=lambda folders: choices(folders.models),
        accepts=lambda folders, value: offers(folders.models, value),
        hint=lambda folders: folders.models.hint(key),
    )


def _of_files(
    root: Literal["input", "output"],
    choices: Callable[[DataFolders], list[str]],
    hint: Callable[[DataFolders], str],
) -> Menu:
    def accepts(folders: DataFolders, value: str) -> bool:
        try:
            resolve_annotated(folders, value, root)
        except FilesError:
            return False
        return True

    return Menu(choices=choices, accepts=accepts, hint=hint)


def _of_inputs(choices: Callable[[DataFolders], list[str]]) -> Menu:
    return _of_files(
        "input", choices, lambda folders: f"Put it into {folders.input}, or upload it at the node."
    )


MENUS: Mapping[str, Menu] = {
    "vaes": _of_models("vae", vae_choices, offers_vae),
    "diffusers_folders": _of_models("diffusers", diffusers_choices, offers_diffusers),
    "input_images": _of_inputs(input_images),
    "input_files": _of_inputs(input_files),
    "input_latents": _of_inputs(input_latents),
    "output_files": _of_files(
        "output", output_images, lambda folders: f"Pictures that were saved lie in {folders.output}."
    ),
}
