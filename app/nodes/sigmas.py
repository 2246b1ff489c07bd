"""Nodes that change lists of noise levels or look one up."""

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.schedules.sigma_edits import (
    Spacing,
    flipped,
    refined,
    split_at,
    split_by_share,
    with_first,
)
from app.inference.types import Sigmas
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, boolean, choice, integer, number, output, socket

_CATEGORY = "sampling/custom_sampling/sigmas"
_MODULE = "comfy_extras.nodes_custom_sampler"


def _split(context: NodeContext, *, sigmas: Sigmas, step: int) -> tuple[Sigmas, Sigmas]:
    return split_at(sigmas, step)


def _split_denoise(context: NodeContext, *, sigmas: Sigmas, denoise: float) -> tuple[Sigmas, Sigmas]:
    return split_by_share(sigmas, denoise)


def _flip(context: NodeContext, *, sigmas: Sigmas) -> tuple[Sigmas]:
    return (flipped(sigmas),)


def _set_first(context: NodeContext, *, sigmas: Sigmas, sigma: float) -> tuple[Sigmas]:
    return (with_first(sigmas, sigma),)


def _extend(
    context: NodeContext,
    *,
    sigmas: Sigmas,
    steps: int,
    start_at_sigma: float,
    end_at_sigma: float,
    spacing: Spacing,
) -> tuple[Sigmas]:
    return (refined(sigmas, steps, start_at_sigma, end_at_sigma, spacing),)


def _percent(
    context: NodeContext, *, model: DiffusionModel, sampling_percent: float, return_actual_sigma: bool
) -> tuple[float]:
    sampling = model.model_sampling
    if return_actual_sigma and sampling_percent in (0.0, 1.0):
        return (sampling.sigma_max if sampling_percent == 0.0 else sampling.sigma_min,)
    return (sampling.percent_to_sigma(sampling_percent),)


def _sigma(name: str, *, default: float, low: float, step: float, tooltip: str) -> InputSchema:
    return number(name, default=default, low=low, high=20000.0, step=step, round=False, tooltip=tooltip)


_SIGMAS = socket("sigmas", "SIGMAS")
_HALVES = (
    output("SIGMAS", "high_sigmas", tooltip="The noisier levels, for the first sampler."),
    output("SIGMAS", "low_sigmas", tooltip="The rest, for the second."),
)

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="SplitSigmas",
            display_name="SplitSigmas",
            category=_CATEGORY,
            module=_MODULE,
            description="Cuts a list of noise levels in two after a number of steps.",
            inputs=(
                _SIGMAS,
                integer("step", default=0, low=0, high=10000, tooltip="Steps in the first part."),
            ),
            outputs=_HALVES,
        ),
        run=_split,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SplitSigmasDenoise",
            display_name="SplitSigmasDenoise",
            category=_CATEGORY,
            module=_MODULE,
            description="Cuts a list of noise levels in two so that the second part is a share of all steps.",
            inputs=(
                _SIGMAS,
                number(
                    "denoise",
                    default=1.0,
                    low=0.0,
                    high=1.0,
                    step=0.01,
                    tooltip="Share of the steps in the second part.",
                ),
            ),
            outputs=_HALVES,
        ),
        run=_split_denoise,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="FlipSigmas",
            display_name="FlipSigmas",
            category=_CATEGORY,
            module=_MODULE,
            description="Turns a list of noise levels around, to make noise out of a picture.",
            inputs=(_SIGMAS,),
            outputs=(output("SIGMAS"),),
        ),
        run=_flip,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SetFirstSigma",
            display_name="SetFirstSigma",
            category=_CATEGORY,
            module=_MODULE,
            description="Replaces the first noise level of a list.",
            inputs=(
                _SIGMAS,
                _sigma("sigma", default=136.0, low=0.0, step=0.001, tooltip="The new first level."),
            ),
            outputs=(output("SIGMAS"),),
        ),
        run=_set_first,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ExtendIntermediateSigmas",
            display_name="ExtendIntermediateSigmas",
            category=_CATEGORY,
            module=_MODULE,
            description="Makes several steps out of each step of a list within a range of noise levels.",
            inputs=(
                _SIGMAS,
                integer("steps", default=2, low=1, high=100, tooltip="Steps in place of one."),
                _sigma(
                    "start_at_sigma",
                    default=-1.0,
                    low=-1.0,
                    step=0.01,
                    tooltip="Highest level that is refined; -1: no limit.",
                ),
                _sigma(
                    "end_at_sigma", default=12.0, low=0.0, step=0.01, tooltip="Lowest level that is refined."
                ),
                choice("spacing", ("linear", "cosine", "sine"), tooltip="How the new steps grow or shrink."),
            ),
            outputs=(output("SIGMAS"),),
        ),
        run=_extend,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SamplingPercentToSigma",
            display_name="SamplingPercentToSigma",
            category=_CATEGORY,
            module=_MODULE,
            description="The noise level after a share of a model's schedule.",
            inputs=(
                socket("model", "MODEL", tooltip="The model whose noise levels are used."),
                number(
                    "sampling_percent",
                    default=0.0,
                    low=0.0,
                    high=1.0,
                    step=0.0001,
                    tooltip="0 is the beginning, all noise; 1 the end.",
                ),
                boolean(
                    "return_actual_sigma",
                    default=False,
                    tooltip="At 0 and 1 give the model's own ends, not the values that stand for no limit.",
                ),
            ),
            outputs=(output("FLOAT", "sigma_value"),),
        ),
        run=_percent,
    ),
)
