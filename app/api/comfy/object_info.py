"""GET /object_info: node classes in the two shapes that ComfyUI's clients know, from our node schemas."""

import json
import logging
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.actions.describe_nodes import DescribedNode, describe_nodes
from app.api.replies import json_reply
from app.api.services import services_of
from app.graph.node_schema import InputSchema

log = logging.getLogger(__name__)
router = APIRouter()


@router.get("/object_info")
def all_node_classes(request: Request) -> Response:
    """Every node class by name."""
    return json_reply(request, _infos(describe_nodes(services_of(request).catalog)))


@router.get("/object_info/{class_type:path}")
def one_node_class(request: Request, class_type: str) -> Response:
    """One node class under its name; an empty object when it is unknown."""
    return json_reply(request, _infos(describe_nodes(services_of(request).catalog, class_type)))


def _infos(nodes: Iterable[DescribedNode]) -> dict[str, Any]:
    infos: dict[str, Any] = {}
    for node in nodes:
        info = node_info(node)
        try:
            json.dumps(info)
        except (TypeError, ValueError, RecursionError):
            log.warning("node class %r is left out: its options are not JSON", node.schema.class_type)
            continue
        infos[node.schema.class_type] = info
    return infos


def node_info(node: DescribedNode) -> dict[str, Any]:
    """The entry of one node class."""
    schema = node.schema
    required = [each for each in schema.inputs if each.required]
    optional = [each for each in schema.inputs if not each.required]
    inputs: dict[str, Any] = {"required": {each.name: _input(node, each) for each in required}}
    order: dict[str, list[str]] = {"required": [each.name for each in required]}
    if optional:
        inputs["optional"] = {each.name: _input(node, each) for each in optional}
        order["optional"] = [each.name for each in optional]
    if schema.hidden:
        inputs["hidden"] = {name: [kind] if schema.v3 else kind for name, kind in schema.hidden.items()}
        order["hidden"] = list(schema.hidden)
    return {
        "input": inputs,
        "input_order": order,
        "is_input_list": schema.input_is_list,
        "output": [each.type for each in schema.outputs],
        "output_is_list": [each.is_list for each in schema.outputs],
        "output_name": [each.name for each in schema.outputs],
        "name": schema.class_type,
        "display_name": schema.display_name or (None if schema.v3 else schema.class_type),
        "description": schema.description,
        "python_module": schema.module,
        "category": schema.category,
        "output_node": schema.output_node,
        **_flags(node),
    }


def _flags(node: DescribedNode) -> dict[str, Any]:
    schema = node.schema
    tooltips = [each.tooltip for each in schema.outputs]
    flags: dict[str, Any] = {"search_aliases": list(schema.search_aliases)} if schema.search_aliases else {}
    if schema.unsupported_family:  # our own key, which other clients pass over
        flags["unsupported_family"] = schema.unsupported_family
    if schema.v3:
        return {
            "output_tooltips": tooltips,
            "deprecated": schema.deprecated,
            "experimental": schema.experimental,
            "api_node": False,
            **flags,
        }
    if any(tooltips):
        flags["output_tooltips"] = [each or "" for each in tooltips]
    if schema.deprecated:
        flags["deprecated"] = True
    if schema.experimental:
        flags["experimental"] = True
    return flags


def _input(node: DescribedNode, declared: InputSchema) -> list[Any]:
    options = dict(declared.options)
    if declared.type != "COMBO":
        return [declared.type, options] if options or node.schema.v3 else [declared.type]
    menu = list(node.menus[declared.name])
    if "remote" in options:  # clients ask for the menu again; these are the entries until then
        return ["COMBO", {**options, "options": menu}]
    if node.schema.v3:
        return ["COMBO", {"multiselect": False, **options, "options": menu}]
    return [menu, options] if options else [menu]
