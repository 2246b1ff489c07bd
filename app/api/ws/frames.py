"""Writes messages as the frames that ComfyUI's clients read."""

import struct
from typing import Any

import msgspec

from app.events.messages import (
    CustomEvent,
    Message,
    NodeExecuting,
    NodeText,
    Preview,
    QueueChanged,
    ResultPicture,
    fields_of,
    name_of,
)

PREVIEW_IMAGE = 1
TEXT = 3
PREVIEW_IMAGE_WITH_METADATA = 4
_FORMATS = {"image/jpeg": 1, "image/png": 2}

_json = msgspec.json.Encoder()


def frame(message: Message, *, with_metadata: bool) -> str | bytes:
    """The frame of a message; `with_metadata` is what the client said about previews."""
    match message:
        case QueueChanged(queue_remaining=remaining):
            return status(remaining)
        case Preview() | ResultPicture():
            return _preview_with_metadata(message) if with_metadata else _preview(message)
        case NodeText(node=node, text=shown):
            return _node_text(node.encode(), shown.encode())
        case NodeExecuting():
            return text("executing", _executing(message))
        case CustomEvent(kind=kind, data=data):
            return text(kind, data)
        case _:
            return text(name_of(message), fields_of(message))


def status(remaining: int, sid: str | None = None) -> str:
    """How many prompts wait or run; `sid` tells a client its id when it connects."""
    data: dict[str, Any] = {"status": {"exec_info": {"queue_remaining": remaining}}}
    return text("status", data if sid is None else {**data, "sid": sid})


def text(kind: str, data: dict[str, Any]) -> str:
    """A text frame. Numbers that JSON does not know are null: browsers refuse NaN."""
    return _json.encode({"type": kind, "data": data}).decode()


def _executing(message: NodeExecuting) -> dict[str, Any]:
    if message.node is None:
        return {"node": None, "prompt_id": message.prompt_id}
    if message.prompt_id is None:  # told on connect
        return {"node": message.display_node}
    return fields_of(message)


def _node_text(node: bytes, shown: bytes) -> bytes:
    return struct.pack(">II", TEXT, len(node)) + node + shown


def _preview(message: Preview | ResultPicture) -> bytes:
    return struct.pack(">II", PREVIEW_IMAGE, _FORMATS.get(message.image_type, 1)) + message.image


def _preview_with_metadata(message: Preview | ResultPicture) -> bytes:
    about = _json.encode(
        {
            "node_id": message.node_id,
            "prompt_id": message.prompt_id,
            "display_node_id": message.display_node_id,
            "parent_node_id": None,
            "real_node_id": message.node_id,
            "image_type": message.image_type,
        }
    )
    return struct.pack(">II", PREVIEW_IMAGE_WITH_METADATA, len(about)) + about + message.image
