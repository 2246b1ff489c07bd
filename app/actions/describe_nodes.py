"""Describes node classes with their menus filled in, for /object_info, /api/v1/nodes and the CLI."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.node_catalog import NodeCatalog
from app.graph.node_schema import NodeSchema


@dataclass(frozen=True, kw_only=True)
class DescribedNode:
    """A node schema and what each of its menus offers now, by input name."""

    schema: NodeSchema
    menus: Mapping[str, Sequence[Any]]


@dataclass
class _Menus:
    """Looks a menu up once, however many nodes share it."""

    catalog: NodeCatalog
    known: dict[str, Sequence[Any]] = field(default_factory=dict[str, Sequence[Any]])

    def of(self, source: str) -> Sequence[Any]:
        if source not in self.known:
            self.known[source] = self.catalog.choices(source)
        return self.known[source]


def describe_nodes(catalog: NodeCatalog, class_type: str | None = None) -> Iterator[DescribedNode]:
    """All node classes in catalog order, or just the named one (nothing if unknown). Reads folders."""
    menus = _Menus(catalog)
    schemas = catalog.schemas
    chosen = list(schemas) if class_type is None else [class_type]
    for each in chosen:
        if each in schemas:
            yield DescribedNode(schema=schemas[each], menus=_menus(schemas[each], menus))


def _menus(schema: NodeSchema, menus: _Menus) -> dict[str, Sequence[Any]]:
    return {
        each.name: menus.of(each.choices_from) if each.choices_from else each.choices or ()
        for each in schema.inputs
        if each.type == "COMBO"
    }
