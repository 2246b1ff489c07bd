"""Node schemas the server knows now, with menus filled from folders; read by validation and /object_info.

From the first second it holds the packaged declarations of the built-in nodes; the executor's replace them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from app.files.diffusers_menu import diffusers_choices, offers_diffusers
from app.files.errors import FilesError
from app.files.folders import DataFolders
from app.files.uploads import input_files, input_images, input_latents, output_images, resolve_annotated
from app.files.vae_menu import offers_vae, vae_choices
from app.graph.node_schema import NodeSchema

_PACKAGED = Path(__file__).with_name("builtin_nodes.json")
_MODELS = "models:"
_OUTPUTS = "output_files"
_VAES = "vaes"
_DIFFUSERS = "diffusers_folders"
_FILE_MENUS: Mapping[str, Callable[[DataFolders], list[str]]] = {
    "input_images": input_images,
    "input_files": input_files,
    _OUTPUTS: output_images,
    "input_latents": input_latents,
}


def packaged_schemas() -> list[NodeSchema]:
    """The built-in nodes' declarations as they were written down when the program was packaged."""
    return msgspec.json.decode(_PACKAGED.read_bytes(), type=list[NodeSchema])


class NodeCatalog:
    """Schemas by class type and the menus behind them. Implements `app.graph.validate.ChoiceSource`.

    Menu sources are `models:<folder key>`, `vaes`, `diffusers_folders` and those of `_FILE_MENUS`; others
    offer nothing.
    """

    def __init__(self, folders: DataFolders, schemas: Iterable[NodeSchema]) -> None:
        self._folders = folders
        self._schemas = _by_class_type(schemas)

    @property
    def schemas(self) -> Mapping[str, NodeSchema]:
        """Every known node schema by class type; a snapshot that never changes."""
        return self._schemas

    def replace(self, schemas: Iterable[NodeSchema]) -> None:
        """Take the schemas that an executor reported instead of all known ones."""
        self._schemas = _by_class_type(schemas)

    def choices(self, source: str) -> Sequence[str]:
        """Everything the menu offers now, sorted; outputs the newest first."""
        if source.startswith(_MODELS):
            return self._folders.models.list(source.removeprefix(_MODELS))
        if source == _VAES:
            return vae_choices(self._folders.models)
        if source == _DIFFUSERS:
            return diffusers_choices(self._folders.models)
        menu = _FILE_MENUS.get(source)
        return menu(self._folders) if menu else []

    def accepts(self, source: str, value: str) -> bool:
        """Whether `value` names a file that the menu stands for, also one that `a.png [output]` names."""
        if source.startswith(_MODELS):
            return self._folders.models.offers(source.removeprefix(_MODELS), value)
        if source == _VAES:
            return offers_vae(self._folders.models, value)
        if source == _DIFFUSERS:
            return offers_diffusers(self._folders.models, value)
        if source not in _FILE_MENUS:
            return False
        try:
            resolve_annotated(self._folders, value, "output" if source == _OUTPUTS else "input")
        except FilesError:
            return False
        return True

    def hint(self, source: str) -> str:
        """A sentence that says where to put the file that is missing from the menu; may be empty."""
        if source.startswith(_MODELS):
            return self._folders.models.hint(source.removeprefix(_MODELS))
        if source == _VAES:
            return self._folders.models.hint("vae")
        if source == _DIFFUSERS:
            return self._folders.models.hint("diffusers")
        if source == _OUTPUTS:
            return f"Pictures that were saved lie in {self._folders.output}."
        if source in _FILE_MENUS:
            return f"Put it into {self._folders.input}, or upload it at the node."
        return ""


def _by_class_type(schemas: Iterable[NodeSchema]) -> Mapping[str, NodeSchema]:
    return MappingProxyType({each.class_type: each for each in schemas})
