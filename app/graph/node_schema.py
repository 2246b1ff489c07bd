"""A node's declaration as data: what the server validates, lists and draws without importing node code."""

from collections.abc import Mapping
from typing import Any

import msgspec

MAX_SEED = 0xFFFF_FFFF_FFFF_FFFF
"""Largest seed: an unsigned 64-bit integer."""

MAX_RESOLUTION = 16384
"""Largest width or height of a picture, in pixels, that a node input accepts."""


class InputSchema(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One declared input of a node class.

    `type` is a slot type such as MODEL, a widget type (INT FLOAT STRING BOOLEAN COMBO) or `*`.
    `options` pass through to the editor untouched (default, min, max, step, round, tooltip, multiline, ...).
    A COMBO has either `choices` (a closed list) or `choices_from` (a source the server fills in, such as
    `models:checkpoints` or `input_images`).
    """

    name: str
    type: str
    required: bool = True
    options: dict[str, Any] = {}
    choices: tuple[Any, ...] | None = None
    choices_from: str | None = None

    @property
    def lazy(self) -> bool:
        """Whether the input is evaluated only when the node asks for it."""
        return bool(self.options.get("lazy", False))


class OutputSchema(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One declared output of a node class."""

    type: str
    name: str
    is_list: bool = False
    tooltip: str | None = None


class NodeSchema(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The declaration of one node class.

    `hidden` maps the keyword of a hidden value to its kind (PROMPT, EXTRA_PNGINFO, UNIQUE_ID).
    `validates` names the inputs that the node's own check takes over; None when it has no such check.
    `unsupported_family` names the model family that the node belongs to, as long as that cannot run.
    `v3` selects the newer wire shape of `/object_info`.
    """

    class_type: str
    category: str
    display_name: str | None = None
    description: str = ""
    module: str = "nodes"
    inputs: tuple[InputSchema, ...] = ()
    outputs: tuple[OutputSchema, ...] = ()
    hidden: dict[str, str] = {}
    output_node: bool = False
    input_is_list: bool = False
    not_idempotent: bool = False
    deprecated: bool = False
    experimental: bool = False
    has_fingerprint: bool = False
    validates: tuple[str, ...] | None = None
    search_aliases: tuple[str, ...] = ()
    unsupported_family: str = ""
    v3: bool = False

    def input(self, name: str) -> InputSchema | None:
        """The declared input of that name, or None."""
        return next((each for each in self.inputs if each.name == name), None)


NodeSchemas = Mapping[str, NodeSchema]
"""Node schemas by class type."""
