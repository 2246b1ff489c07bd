"""Nodes that join, repeat, split and renumber batches of latents."""

from dataclasses import replace

from app.graph.node_schema import NodeSchema
from app.inference.latents.batch import LatentBatch
from app.inference.latents.joining import joined, part, rebatched, repeated, with_one_noise
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, output, socket


def _join(context: NodeContext, *, samples1: LatentBatch, samples2: LatentBatch) -> tuple[LatentBatch]:
    return (joined(samples1, samples2),)


def _repeat(context: NodeContext, *, samples: LatentBatch, amount: int) -> tuple[LatentBatch]:
    return (repeated(samples, amount),)


def _part(context: NodeContext, *, samples: LatentBatch, batch_index: int, length: int) -> tuple[LatentBatch]:
    return (part(samples, batch_index, length),)


def _rebatch(
    context: NodeContext, *, latents: list[LatentBatch], batch_size: list[int]
) -> tuple[list[LatentBatch]]:
    return (rebatched(latents, batch_size[0]),)


def _seed_behavior(context: NodeContext, *, samples: LatentBatch, seed_behavior: str) -> tuple[LatentBatch]:
    return (with_one_noise(samples) if seed_behavior == "fixed" else replace(samples, batch_index=None),)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="LatentBatch",
            category="latent/batch",
            module="comfy_extras.nodes_latent",
            description="Joins two batches of latents; the second takes the size of the first.",
            inputs=(socket("samples1", "LATENT"), socket("samples2", "LATENT")),
            outputs=(output("LATENT"),),
            v3=True,
        ),
        run=_join,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="RepeatLatentBatch",
            display_name="Repeat Latent Batch",
            category="latent/batch",
            description="Repeats a batch of latents; every repetition gets noise of its own.",
            inputs=(
                socket("samples", "LATENT"),
                integer("amount", default=1, low=1, high=64, tooltip="How many times."),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_repeat,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LatentFromBatch",
            display_name="Latent From Batch",
            category="latent/batch",
            description="Takes latents out of a batch; they keep the noise they had in it.",
            inputs=(
                socket("samples", "LATENT"),
                integer("batch_index", default=0, low=0, high=63, tooltip="The first one, counted from 0."),
                integer("length", default=1, low=1, high=64, tooltip="How many."),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_part,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="RebatchLatents",
            display_name="Rebatch Latents",
            category="latent/batch",
            module="comfy_extras.nodes_rebatch",
            description="Regroups latents into batches of another size.",
            inputs=(
                socket("latents", "LATENT"),
                integer("batch_size", default=1, low=1, high=4096, tooltip="Latents per batch."),
            ),
            outputs=(output("LATENT", is_list=True),),
            input_is_list=True,
        ),
        run=_rebatch,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LatentBatchSeedBehavior",
            category="latent/advanced",
            module="comfy_extras.nodes_latent",
            description="Lets all latents of a batch start from the same noise, or each from its own.",
            inputs=(
                socket("samples", "LATENT"),
                choice("seed_behavior", ("random", "fixed"), default="fixed", multiselect=False),
            ),
            outputs=(output("LATENT"),),
            v3=True,
        ),
        run=_seed_behavior,
    ),
)
