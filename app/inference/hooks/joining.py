"""Joins two sets of hooks into one; nodes that add hooks to a model and hooks that call others use it."""

from dataclasses import fields, replace
from typing import Any, TypeVar

from app.inference.hooks.guidance import GuidanceHooks
from app.inference.hooks.network import NetworkHooks

_Hooks = TypeVar("_Hooks", NetworkHooks, GuidanceHooks)


def joined(first: _Hooks, second: _Hooks) -> _Hooks:
    """Both sets of hooks, those of `second` after those of `first`; of single ones the later counts."""
    changes: dict[str, Any] = {}
    for each in fields(first):
        old, new = getattr(first, each.name), getattr(second, each.name)
        if isinstance(old, tuple):
            changes[each.name] = old + new
        else:
            changes[each.name] = new or old
    return replace(first, **changes)
