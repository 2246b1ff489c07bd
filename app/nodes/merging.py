"""Nodes that mix the weights of models, and of text encoders."""

from typing import Any

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.text_encoder import TextEncoder
from app.inference.patches.merge import (
    MergeRule,
    add,
    merged_models,
    merged_texts,
    mix,
    mix_by_prefix,
    subtract,
)
from app.nodes.conditioning import present_encoder
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, number, output, socket

CATEGORY = "advanced/model_merging"
MODULE = "comfy_extras.nodes_model_merging"
SPECIFIC_MODULE = "comfy_extras.nodes_model_merging_model_specific"
SD1_BLOCKS = (
    "time_embed.",
    "label_emb.",
    *(f"input_blocks.{number}." for number in range(12)),
    *(f"middle_block.{number}." for number in range(3)),
    *(f"output_blocks.{number}." for number in range(12)),
    "out.",
)
SDXL_BLOCKS = (
    "time_embed.",
    "label_emb.",
    *(f"input_blocks.{number}" for number in range(9)),
    *(f"middle_block.{number}" for number in range(3)),
    *(f"output_blocks.{number}" for number in range(9)),
    "out.",
)


def _simple(
    context: NodeContext, *, model1: DiffusionModel, model2: DiffusionModel, ratio: float
) -> tuple[DiffusionModel]:
    return (merged_models(model1, model2, mix(ratio)),)


def _add(context: NodeContext, *, model1: DiffusionModel, model2: DiffusionModel) -> tuple[DiffusionModel]:
    return (merged_models(model1, model2, add()),)


def _subtract(
    context: NodeContext, *, model1: DiffusionModel, model2: DiffusionModel, multiplier: float
) -> tuple[DiffusionModel]:
    return (merged_models(model1, model2, subtract(multiplier)),)


def _blocks(
    context: NodeContext, *, model1: DiffusionModel, model2: DiffusionModel, **ratios: Any
) -> tuple[DiffusionModel]:
    return (merged_models(model1, model2, mix_by_prefix(ratios)),)


def _merged(first: TextEncoder | None, second: TextEncoder | None, rule: MergeRule) -> tuple[TextEncoder]:
    return (merged_texts(present_encoder(first), present_encoder(second), rule),)


def _texts_simple(
    context: NodeContext, *, clip1: TextEncoder | None, clip2: TextEncoder | None, ratio: float
) -> tuple[TextEncoder]:
    return _merged(clip1, clip2, mix(ratio))


def _texts_add(
    context: NodeContext, *, clip1: TextEncoder | None, clip2: TextEncoder | None
) -> tuple[TextEncoder]:
    return _merged(clip1, clip2, add())


def _texts_subtract(
    context: NodeContext, *, clip1: TextEncoder | None, clip2: TextEncoder | None, multiplier: float
) -> tuple[TextEncoder]:
    return _merged(clip1, clip2, subtract(multiplier))


def _ratio(name: str) -> InputSchema:
    """A share of the first model, 0..1."""
    return number(
        name,
        default=1.0,
        low=0.0,
        high=1.0,
        step=0.01,
        tooltip="Share of the first model; the rest is the second's.",
    )


def _multiplier() -> InputSchema:
    """What a difference of weights is multiplied by."""
    return number(
        "multiplier",
        default=1.0,
        low=-10.0,
        high=10.0,
        step=0.01,
        tooltip="The difference is multiplied by this.",
    )


def _merge(
    class_type: str, description: str, run: Any, *more: InputSchema, specific: bool = False
) -> NodeClass:
    return NodeClass(
        schema=NodeSchema(
            class_type=class_type,
            display_name=class_type,
            category=f"{CATEGORY}/model_specific" if specific else CATEGORY,
            description=description,
            module=SPECIFIC_MODULE if specific else MODULE,
            inputs=(
                socket("model1", "MODEL", tooltip="The model that is changed."),
                socket("model2", "MODEL", tooltip="The model that it is mixed with."),
                *more,
            ),
            outputs=(output("MODEL"),),
        ),
        run=run,
    )


def _merge_texts(class_type: str, description: str, run: Any, *more: InputSchema) -> NodeClass:
    return NodeClass(
        schema=NodeSchema(
            class_type=class_type,
            display_name=class_type,
            category=CATEGORY,
            description=description,
            module=MODULE,
            inputs=(
                socket("clip1", "CLIP", tooltip="The text encoder that is changed."),
                socket("clip2", "CLIP", tooltip="The text encoder that it is mixed with."),
                *more,
            ),
            outputs=(output("CLIP"),),
        ),
        run=run,
    )


NODES = (
    _merge("ModelMergeSimple", "Mixes two models by one ratio.", _simple, _ratio("ratio")),
    _merge(
        "ModelMergeBlocks",
        "Mixes two models by a ratio for each part of the network.",
        _blocks,
        *map(_ratio, ("input", "middle", "out")),
    ),
    _merge(
        "ModelMergeSubtract",
        "Takes the weights of the second model off the first's: what the first learnt beyond it.",
        _subtract,
        _multiplier(),
    ),
    _merge("ModelMergeAdd", "Adds the weights of two models, such as a difference to a model.", _add),
    _merge(
        "ModelMergeSD1",
        "Mixes two Stable Diffusion 1 or 2 models by a ratio for each block.",
        _blocks,
        *map(_ratio, SD1_BLOCKS),
        specific=True,
    ),
    _merge(
        "ModelMergeSDXL",
        "Mixes two SDXL models by a ratio for each block.",
        _blocks,
        *map(_ratio, SDXL_BLOCKS),
        specific=True,
    ),
    _merge_texts("CLIPMergeSimple", "Mixes two text encoders by one ratio.", _texts_simple, _ratio("ratio")),
    _merge_texts(
        "CLIPMergeSubtract",
        "Takes the weights of the second text encoder off the first's.",
        _texts_subtract,
        _multiplier(),
    ),
    _merge_texts("CLIPMergeAdd", "Adds the weights of two text encoders.", _texts_add),
)
