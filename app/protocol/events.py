"""Messages from an executor to the server: what happened to a prompt, node by node."""

from typing import Any

import msgspec

from app.graph.node_schema import NodeSchema

PROTOCOL = 1
"""Number of this message set; both sides refuse another one."""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A compute device. Bytes; `index` is None for the CPU."""

    name: str
    type: str
    index: int | None = None
    vram_total: int = 0
    vram_free: int = 0
    torch_vram_total: int = 0
    torch_vram_free: int = 0


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The executor can take prompts; its node schemas replace the packaged ones."""

    protocol: int
    pid: int
    torch_version: str
    devices: list[Device]
    schemas: list[NodeSchema]


class DeviceMemory(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Memory of the devices and of the loaded models, in bytes, after a prompt or on change."""

    devices: list[Device]
    models_bytes: int = 0


class ExecutionStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A prompt left the queue and its first node is next."""

    prompt_id: str


class ExecutionCached(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nodes whose stored results are used again."""

    prompt_id: str
    nodes: list[str]


class NodeStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A node's code is about to be called."""

    prompt_id: str
    node_id: str
    display_node_id: str


class NodeProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Progress inside a node: `value` of `total` (sampler steps, tiles)."""

    prompt_id: str
    node_id: str
    display_node_id: str
    value: float
    total: float


class NodePreview(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A preview picture: encoded bytes, `image_type` is image/jpeg or image/png."""

    prompt_id: str
    node_id: str
    display_node_id: str
    image_type: str
    image: bytes


class NodePicture(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A finished picture for the prompt's owner, in full size: every one of them is delivered."""

    prompt_id: str
    node_id: str
    display_node_id: str
    image_type: str
    image: bytes


class NodeText(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A line that the node shows about itself."""

    prompt_id: str
    node_id: str
    text: str


class NodeFinished(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A node ended. `ui` is what it shows (None: nothing); `cached` means it was not called again."""

    prompt_id: str
    node_id: str
    display_node_id: str
    ui: dict[str, Any] | None = None
    cached: bool = False
    seconds: float = 0.0


class NodeError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a prompt failed, and in which node."""

    node_id: str
    node_type: str
    exception_type: str
    message: str
    traceback: list[str] = []
    current_inputs: dict[str, list[Any]] = {}


class ExecutionEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The last message about a prompt. `outcome` is success, error or interrupted.

    `node_id`/`node_type` name the node at which it was interrupted; `error` is set for outcome error.
    `outputs` holds the ui of every output node, `meta` what history shows about each.
    """

    prompt_id: str
    outcome: str
    executed: list[str] = []
    outputs: dict[str, dict[str, Any]] = {}
    error: NodeError | None = None
    node_id: str | None = None
    node_type: str | None = None


class LogLine(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A line of the executor's log."""

    level: str
    message: str


Event = (
    Ready
    | DeviceMemory
    | ExecutionStarted
    | ExecutionCached
    | NodeStarted
    | NodeProgress
    | NodePreview
    | NodePicture
    | NodeText
    | NodeFinished
    | ExecutionEnded
    | LogLine
)
PromptEvent = (
    ExecutionStarted
    | ExecutionCached
    | NodeStarted
    | NodeProgress
    | NodePreview
    | NodePicture
    | NodeText
    | NodeFinished
    | ExecutionEnded
)
