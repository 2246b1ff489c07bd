"""Node schemas the server knows now, with menus filled from folders; read by validation and /object_info.

From the first second it holds the packaged declarations of the built-in nodes; the executor's replace them.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from app.engine.menus import menu_of
from app.files.folders import DataFolders
from app.graph.node_schema import NodeSchema

_PACKAGED = Path(__file__).with_name("builtin_nodes.json")


def packaged_schemas() -> list[NodeSchema]:
    """The built-in nodes' declarations as they were written down when the program was packaged."""
    return msgspec.json.decode(_PACKAGED.read_bytes(), type=list[NodeSchema])


class NodeCatalog:
    """Schemas by class type and the menus behind them. Implements `app.graph.validate.ChoiceSource`."""

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
        menu = menu_of(source)
        return [] if menu is None else menu.choices(self._folders)

    def accepts(self, source: str, value: str) -> bool:
        """Whether `value` names a file that the menu stands for, also one that `a.png [output]` names."""
        menu = menu_of(source)
        return menu is not None and menu.accepts(self._folders, value)

    def hint(self, source: str) -> str:
        """A sentence that says where to put the file that is missing from the menu; may be empty."""
        menu = menu_of(source)
        return "" if menu is None else menu.hint(self._folders)


def _by_class_type(schemas: Iterable[NodeSchema]) -> Mapping[str, NodeSchema]:
    return MappingProxyType({each.class_type: each for each in schemas})
