"""The node that changes a model by a hypernetwork."""

from app.graph.node_schema import NodeSchema
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.hypernetwork import load_hypernetwork
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, number, output, socket


def _apply(
    context: NodeContext, *, model: DiffusionModel, hypernetwork_name: str, strength: float
) -> tuple[DiffusionModel]:
    path = context.folders.models.resolve("hypernetworks", hypernetwork_name)
    hypernetwork = context.models.get("hypernetwork", path, load_hypernetwork)
    return (model.with_network_hooks(hypernetwork.hooks(strength)),)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="HypernetworkLoader",
            display_name="HypernetworkLoader",
            category="loaders",
            module="comfy_extras.nodes_hypernetwork",
            description="Changes a model by small networks before its attention, in A1111's format.",
            inputs=(
                socket("model", "MODEL"),
                choice(
                    "hypernetwork_name",
                    source="models:hypernetworks",
                    tooltip="Lies in models/hypernetworks.",
                ),
                number(
                    "strength",
                    default=1.0,
                    low=-10.0,
                    high=10.0,
                    step=0.01,
                    tooltip="How much of the networks' outputs is added.",
                ),
            ),
            outputs=(output("MODEL"),),
        ),
        run=_apply,
    ),
)
