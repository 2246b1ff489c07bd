"""Nodes that multiply the projections of attention layers by numbers."""

from collections.abc import Callable

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.text_encoder import TextEncoder
from app.inference.patches.factors import AttentionFactors, text_attention_patch, unet_attention_patch
from app.nodes.conditioning import present_encoder
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, number, output, socket

CATEGORY = "_for_testing/attention_experiments"
MODULE = "comfy_extras.nodes_attention_multiply"
PARTS = {"q": "queries", "k": "keys", "v": "values", "out": "output"}


def _unet(attention: int) -> Callable[..., tuple[DiffusionModel]]:
    def run(context: NodeContext, *, model: DiffusionModel, **factors: float) -> tuple[DiffusionModel]:
        names = model.network.weights.names
        return (model.with_patches((unet_attention_patch(names, attention, AttentionFactors(**factors)),)),)

    return run


def _text(context: NodeContext, *, clip: TextEncoder | None, **factors: float) -> tuple[TextEncoder]:
    text, networks = present_encoder(clip), {}
    for kind, network in text.networks.items():
        patch = text_attention_patch(network.weights.names, AttentionFactors(**factors))
        networks[kind] = network.with_patches((patch,))
    return (text.with_networks(networks),)


def _factors() -> tuple[InputSchema, ...]:
    return tuple(
        number(
            name,
            default=1.0,
            low=0.0,
            high=10.0,
            step=0.01,
            tooltip=f"The projection to the {part} is multiplied by this, weight and bias.",
        )
        for name, part in PARTS.items()
    )


def _unet_node(class_type: str, kind: str, attention: int) -> NodeClass:
    return NodeClass(
        schema=NodeSchema(
            class_type=class_type,
            display_name=class_type,
            category=CATEGORY,
            description=f"Multiplies the projections of all {kind}-attention layers of a diffusion model.",
            module=MODULE,
            experimental=True,
            inputs=(socket("model", "MODEL", tooltip="The model to change."), *_factors()),
            outputs=(output("MODEL"),),
        ),
        run=_unet(attention),
    )


NODES = (
    _unet_node("UNetSelfAttentionMultiply", "self", 1),
    _unet_node("UNetCrossAttentionMultiply", "cross", 2),
    NodeClass(
        schema=NodeSchema(
            class_type="CLIPAttentionMultiply",
            display_name="CLIPAttentionMultiply",
            category=CATEGORY,
            description="Multiplies the projections of all attention layers of a text encoder.",
            module=MODULE,
            experimental=True,
            inputs=(socket("clip", "CLIP", tooltip="The text encoder to change."), *_factors()),
            outputs=(output("CLIP"),),
        ),
        run=_text,
    ),
)
