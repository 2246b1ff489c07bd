"""The identity of a node's result: equal keys mean that the stored result can be used again."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from app.graph.node_schema import NodeSchemas
from app.graph.prompt import PromptNodes, as_link, literal

CacheKey = bytes
"""A digest over the class, the inputs and, through the links, everything above a node."""

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def cache_keys(
    prompt: PromptNodes, order: list[str], schemas: NodeSchemas, fingerprints: Mapping[str, object]
) -> dict[str, CacheKey | None]:
    """Keys of the nodes in `order`, which lists sources before the nodes they feed.

    A fingerprint stands for what a node reads besides its inputs (a file's content). None means that the
    node is never taken from the cache: NaN in an input or a fingerprint, a value without a canonical
    form, or the same above it. Node ids do not matter unless the class depends on them.
    """
    keys: dict[str, CacheKey | None] = {}
    for node_id in order:
        keys[node_id] = _key(node_id, prompt, schemas, fingerprints, keys)
    return keys


def _key(
    node_id: str,
    prompt: PromptNodes,
    schemas: NodeSchemas,
    fingerprints: Mapping[str, object],
    keys: Mapping[str, CacheKey | None],
) -> CacheKey | None:
    node = prompt[node_id]
    schema = schemas[node["class_type"]]
    parts: list[Any] = [node["class_type"], fingerprints.get(node_id, False)]
    if schema.not_idempotent or "UNIQUE_ID" in schema.hidden.values():
        parts.append(node_id)
    for name, value in sorted(node.get("inputs", {}).items()):
        link = as_link(value)
        if link is None:
            parts.append([name, 0, _canonical(literal(value))])
        else:
            source_key = keys.get(link.node_id)
            if source_key is None:
                return None
            parts.append([name, 1, source_key, link.slot])
    if _has_nan(parts):
        return None
    try:
        return hashlib.sha256(_encode(parts)).digest()
    except (TypeError, OverflowError, ValueError, RecursionError):
        return None


def _canonical(value: Any) -> Any:
    """Whole floats and integers are the same number: 1.0 in one prompt equals 1 in the next."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    return value


def _has_nan(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, dict):
        return any(_has_nan(each) for each in cast("dict[str, Any]", value).values())
    if isinstance(value, list | tuple):
        return any(_has_nan(each) for each in cast("list[Any]", value))
    return False
