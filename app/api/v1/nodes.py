"""GET /api/v1/nodes: node classes as our own schemas, with menus filled in."""

from typing import Any

from fastapi import APIRouter
from msgspec import to_builtins
from starlette.requests import Request
from starlette.responses import Response

from app.actions.describe_nodes import DescribedNode, describe_nodes
from app.api.errors import ApiError
from app.api.replies import json_reply
from app.api.services import services_of

router = APIRouter(tags=["nodes"])


@router.get("/nodes")
def nodes(request: Request) -> Response:
    """Every node class."""
    catalog = services_of(request).catalog
    return json_reply(request, {"nodes": [_described(each) for each in describe_nodes(catalog)]})


@router.get("/nodes/{class_type:path}")
def node(request: Request, class_type: str) -> Response:
    """One node class."""
    found = next(describe_nodes(services_of(request).catalog, class_type), None)
    if found is None:
        raise ApiError(404, "unknown_node_class", f"There is no node class {class_type[:100]!r}.")
    return json_reply(request, _described(found))


def _described(node: DescribedNode) -> dict[str, Any]:
    described: dict[str, Any] = to_builtins(node.schema)
    for each in described.get("inputs", ()):
        if each["name"] in node.menus:
            each["choices"] = list(node.menus[each["name"]])
    return described
