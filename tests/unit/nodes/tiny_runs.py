"""Calls nodes on tiny checkpoints and samples short runs; tests of nodes that change weights use it."""

from typing import Any

import torch
from torch import Tensor

from app.nodes.declare import NodeResult
from app.nodes.registry import builtin_nodes
from tests.unit.nodes.recording_context import RecordingContext

NODES = builtin_nodes()
TEXT = "a red circle"


@torch.inference_mode()
def call(context: RecordingContext, class_type: str, **inputs: Any) -> tuple[Any, ...]:
    """Outputs of a node, called as the executor does."""
    returned = NODES[class_type].run(context, **inputs)
    return returned.outputs if isinstance(returned, NodeResult) else returned


def load(context: RecordingContext, name: str = "tiny.safetensors") -> tuple[Any, Any]:
    """Model and text encoder of a checkpoint."""
    return call(context, "CheckpointLoaderSimple", ckpt_name=name)[:2]


def sampled(context: RecordingContext, model: Any, clip: Any) -> Tensor:
    """The latent of a short run."""
    inputs = {
        "positive": call(context, "CLIPTextEncode", text=TEXT, clip=clip)[0],
        "negative": call(context, "CLIPTextEncode", text="", clip=clip)[0],
        "latent_image": call(context, "EmptyLatentImage", width=32, height=32, batch_size=1)[0],
    }
    numbers = {"seed": 7, "steps": 2, "cfg": 4.0, "denoise": 1.0}
    names = {"sampler_name": "euler", "scheduler": "normal"}
    return call(context, "KSampler", model=model, **inputs, **numbers, **names)[0].samples


def distance(first: Tensor, second: Tensor) -> float:
    """Relative L2 distance."""
    return ((first - second).norm() / second.norm()).item()
