"""Nodes that compute with the numbers of one or two latents."""

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.latents.batch import LatentBatch
from app.inference.latents.mixing import blended, counterpart, interpolated
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, number, output, socket


def _add(context: NodeContext, *, samples1: LatentBatch, samples2: LatentBatch) -> tuple[LatentBatch]:
    first = samples1.samples
    return (samples1.with_samples(first + counterpart(samples2.samples, first)),)


def _subtract(context: NodeContext, *, samples1: LatentBatch, samples2: LatentBatch) -> tuple[LatentBatch]:
    first = samples1.samples
    return (samples1.with_samples(first - counterpart(samples2.samples, first)),)


def _multiply(context: NodeContext, *, samples: LatentBatch, multiplier: float) -> tuple[LatentBatch]:
    return (samples.with_samples(samples.samples * multiplier),)


def _interpolate(
    context: NodeContext, *, samples1: LatentBatch, samples2: LatentBatch, ratio: float
) -> tuple[LatentBatch]:
    return (samples1.with_samples(interpolated(samples1.samples, samples2.samples, ratio)),)


def _blend(
    context: NodeContext, *, samples1: LatentBatch, samples2: LatentBatch, blend_factor: float
) -> tuple[LatentBatch]:
    return (samples1.with_samples(blended(samples1.samples, samples2.samples, blend_factor)),)


def _arithmetic(class_type: str, description: str, *inputs: InputSchema) -> NodeSchema:
    return NodeSchema(
        class_type=class_type,
        category="latent/advanced",
        module="comfy_extras.nodes_latent",
        description=description,
        inputs=inputs,
        outputs=(output("LATENT"),),
        v3=True,
    )


_FIRST, _SECOND = socket("samples1", "LATENT"), socket("samples2", "LATENT")

NODES = (
    NodeClass(
        schema=_arithmetic("LatentAdd", "Adds two latents, the second in the first's size.", _FIRST, _SECOND),
        run=_add,
    ),
    NodeClass(
        schema=_arithmetic(
            "LatentSubtract", "Takes the second latent, in the size of the first, from it.", _FIRST, _SECOND
        ),
        run=_subtract,
    ),
    NodeClass(
        schema=_arithmetic(
            "LatentMultiply",
            "Multiplies a latent by a number.",
            socket("samples", "LATENT"),
            number("multiplier", default=1.0, low=-10.0, high=10.0, step=0.01),
        ),
        run=_multiply,
    ),
    NodeClass(
        schema=_arithmetic(
            "LatentInterpolate",
            "Goes from one latent to another, mixing directions and lengths separately.",
            _FIRST,
            _SECOND,
            number("ratio", default=1.0, low=0.0, high=1.0, step=0.01, tooltip="Share of samples1."),
        ),
        run=_interpolate,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LatentBlend",
            display_name="Latent Blend",
            category="_for_testing",
            description="Mixes two latents, the second in the size of the first.",
            inputs=(
                _FIRST,
                _SECOND,
                number("blend_factor", default=0.5, low=0, high=1, step=0.01, tooltip="Share of samples1."),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_blend,
    ),
)
