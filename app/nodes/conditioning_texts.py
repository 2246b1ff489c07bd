"""Nodes that combine and mix encoded texts."""

from dataclasses import replace
from typing import Any

from app.graph.node_schema import NodeSchema
from app.inference.conditioning.entry import Conditioning
from app.inference.text.mixing import averaged, joined, silenced
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, number, output, socket


def _combine(
    context: NodeContext, *, conditioning_1: Conditioning, conditioning_2: Conditioning
) -> tuple[Conditioning]:
    return (conditioning_1 + conditioning_2,)


def _concat(
    context: NodeContext, *, conditioning_to: Conditioning, conditioning_from: Conditioning
) -> tuple[Conditioning]:
    return (joined(conditioning_to, conditioning_from),)


def _average(
    context: NodeContext,
    *,
    conditioning_to: Conditioning,
    conditioning_from: Conditioning,
    conditioning_to_strength: float,
) -> tuple[Conditioning]:
    return (averaged(conditioning_to, conditioning_from, conditioning_to_strength),)


def _zero_out(context: NodeContext, *, conditioning: Conditioning) -> tuple[Conditioning]:
    return (silenced(conditioning),)


def _default_combine(
    context: NodeContext, *, cond: Conditioning, cond_DEFAULT: Conditioning, hooks: Any = None
) -> tuple[Conditioning]:
    return (cond + tuple(replace(entry, is_default=True) for entry in cond_DEFAULT),)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningCombine",
            display_name="Conditioning (Combine)",
            category="conditioning",
            description="Puts two texts side by side: the model predicts for both and averages.",
            inputs=(socket("conditioning_1", "CONDITIONING"), socket("conditioning_2", "CONDITIONING")),
            outputs=(output("CONDITIONING"),),
        ),
        run=_combine,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningConcat",
            display_name="Conditioning (Concat)",
            category="conditioning",
            description="Appends one encoded text to another, so that the model attends to both at once.",
            inputs=(
                socket("conditioning_to", "CONDITIONING"),
                socket("conditioning_from", "CONDITIONING", tooltip="Its first text is appended."),
            ),
            outputs=(output("CONDITIONING"),),
        ),
        run=_concat,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningAverage",
            display_name="ConditioningAverage",
            category="conditioning",
            description="Blends two encoded texts number by number.",
            inputs=(
                socket("conditioning_to", "CONDITIONING"),
                socket("conditioning_from", "CONDITIONING", tooltip="Its first text is blended in."),
                number(
                    "conditioning_to_strength",
                    default=1.0,
                    low=0.0,
                    high=1.0,
                    step=0.01,
                    tooltip="1 is the first text alone, 0 the second.",
                ),
            ),
            outputs=(output("CONDITIONING"),),
        ),
        run=_average,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningZeroOut",
            display_name="ConditioningZeroOut",
            category="advanced/conditioning",
            description="Replaces an encoded text by zeros, which some models take as no text at all.",
            inputs=(socket("conditioning", "CONDITIONING"),),
            outputs=(output("CONDITIONING"),),
        ),
        run=_zero_out,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningSetDefaultCombine",
            display_name="Cond Set Default Combine",
            category="advanced/hooks/cond single",
            description="Adds a text that acts only where the masks and areas of the others leave room.",
            module="comfy_extras.nodes_hooks",
            experimental=True,
            inputs=(
                socket("cond", "CONDITIONING"),
                socket("cond_DEFAULT", "CONDITIONING", tooltip="The text for the rest of the picture."),
                socket("hooks", "HOOKS", required=False),
            ),
            outputs=(output("CONDITIONING"),),
        ),
        run=_default_combine,
    ),
)
