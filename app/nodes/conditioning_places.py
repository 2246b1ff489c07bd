"""Nodes that say where, how much and when a text counts."""

from dataclasses import replace

from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.conditioning.area import Area, AreaShare
from app.inference.conditioning.entry import Conditioning
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, number, output, socket

CELL = 8  # pixels per latent cell


def _set_area(
    context: NodeContext,
    *,
    conditioning: Conditioning,
    width: int,
    height: int,
    x: int,
    y: int,
    strength: float,
) -> tuple[Conditioning]:
    area = Area(height=height // CELL, width=width // CELL, y=y // CELL, x=x // CELL)
    return (_in_area(conditioning, area, strength),)


def _set_area_share(
    context: NodeContext,
    *,
    conditioning: Conditioning,
    width: float,
    height: float,
    x: float,
    y: float,
    strength: float,
) -> tuple[Conditioning]:
    return (_in_area(conditioning, AreaShare(height=height, width=width, y=y, x=x), strength),)


def _in_area(conditioning: Conditioning, area: Area | AreaShare, strength: float) -> Conditioning:
    return tuple(replace(entry, area=area, strength=strength, mask_bounds=False) for entry in conditioning)


def _set_strength(
    context: NodeContext, *, conditioning: Conditioning, strength: float
) -> tuple[Conditioning]:
    return (tuple(replace(entry, strength=strength) for entry in conditioning),)


def _set_mask(
    context: NodeContext, *, conditioning: Conditioning, mask: Mask, strength: float, set_cond_area: str
) -> tuple[Conditioning]:
    mask = mask if mask.dim() > 2 else mask[None]
    bounds = set_cond_area == "mask bounds"
    return (
        tuple(
            replace(entry, mask=mask, mask_strength=strength, mask_bounds=bounds) for entry in conditioning
        ),
    )


def _set_range(
    context: NodeContext, *, conditioning: Conditioning, start: float, end: float
) -> tuple[Conditioning]:
    return (tuple(replace(entry, start_percent=start, end_percent=end) for entry in conditioning),)


def _strength() -> InputSchema:
    return number(
        "strength",
        default=1.0,
        low=0.0,
        high=10.0,
        step=0.01,
        tooltip="How much the text counts against others at the same place.",
    )


def _pixels(name: str, *, default: int, low: int) -> InputSchema:
    return integer(name, default=default, low=low, high=MAX_RESOLUTION, step=8, tooltip="In pixels.")


def _share(name: str, *, default: float) -> InputSchema:
    return number(name, default=default, low=0, high=1.0, step=0.01, tooltip="Share of the whole picture.")


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningSetArea",
            display_name="Conditioning (Set Area)",
            category="conditioning",
            description="Lets a text act in a rectangle of the picture only.",
            inputs=(
                socket("conditioning", "CONDITIONING"),
                _pixels("width", default=64, low=64),
                _pixels("height", default=64, low=64),
                _pixels("x", default=0, low=0),
                _pixels("y", default=0, low=0),
                _strength(),
            ),
            outputs=(output("CONDITIONING"),),
        ),
        run=_set_area,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningSetAreaPercentage",
            display_name="Conditioning (Set Area with Percentage)",
            category="conditioning",
            description="Lets a text act in a rectangle that is given in shares of the picture.",
            inputs=(
                socket("conditioning", "CONDITIONING"),
                _share("width", default=1.0),
                _share("height", default=1.0),
                _share("x", default=0),
                _share("y", default=0),
                _strength(),
            ),
            outputs=(output("CONDITIONING"),),
        ),
        run=_set_area_share,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningSetAreaStrength",
            display_name="ConditioningSetAreaStrength",
            category="conditioning",
            description="Sets how much a text counts against others at the same place.",
            inputs=(socket("conditioning", "CONDITIONING"), _strength()),
            outputs=(output("CONDITIONING"),),
        ),
        run=_set_strength,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningSetMask",
            display_name="Conditioning (Set Mask)",
            category="conditioning",
            description="Lets a text act where a mask is white.",
            inputs=(
                socket("conditioning", "CONDITIONING"),
                socket("mask", "MASK"),
                _strength(),
                choice(
                    "set_cond_area",
                    ("default", "mask bounds"),
                    tooltip="default computes the whole picture, mask bounds only the box around the mask.",
                ),
            ),
            outputs=(output("CONDITIONING"),),
        ),
        run=_set_mask,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ConditioningSetTimestepRange",
            display_name="ConditioningSetTimestepRange",
            category="advanced/conditioning",
            description="Lets a text act during a part of the sampling only.",
            inputs=(
                socket("conditioning", "CONDITIONING"),
                number("start", default=0.0, low=0.0, high=1.0, step=0.001, tooltip="0 is the noisy start."),
                number(
                    "end", default=1.0, low=0.0, high=1.0, step=0.001, tooltip="1 is the finished picture."
                ),
            ),
            outputs=(output("CONDITIONING"),),
        ),
        run=_set_range,
    ),
)
