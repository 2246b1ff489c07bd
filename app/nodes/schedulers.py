"""Nodes that make lists of noise levels."""

from collections.abc import Callable
from typing import Any, Literal

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.schedules import further, schedulers
from app.inference.types import Sigmas
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, number, output, socket
from app.nodes.sampling_inputs import denoise, steps

_CATEGORY = "sampling/custom_sampling/schedulers"
_MODULE = "comfy_extras.nodes_custom_sampler"


class NoFittedLevels(ValueError):
    """The levels of this scheduler were fitted on a model and are not part of the program."""

    code = "no_fitted_levels"

    def __init__(self) -> None:
        super().__init__(
            "The fitted noise levels of GITSScheduler are not part of this program: "
            "use AlignYourStepsScheduler or BasicScheduler instead."
        )


def _basic(
    context: NodeContext, *, model: DiffusionModel, scheduler: str, steps: int, denoise: float
) -> tuple[Sigmas]:
    return (
        schedulers.share(
            lambda count: schedulers.schedule(scheduler, model.model_sampling, count), steps, denoise
        ),
    )


def _karras(
    context: NodeContext, *, steps: int, sigma_max: float, sigma_min: float, rho: float
) -> tuple[Sigmas]:
    return (schedulers.karras_between(sigma_max, sigma_min, steps, rho),)


def _exponential(context: NodeContext, *, steps: int, sigma_max: float, sigma_min: float) -> tuple[Sigmas]:
    return (schedulers.exponential_between(sigma_max, sigma_min, steps),)


def _polyexponential(
    context: NodeContext, *, steps: int, sigma_max: float, sigma_min: float, rho: float
) -> tuple[Sigmas]:
    return (further.polyexponential(sigma_max, sigma_min, steps, rho),)


def _laplace(
    context: NodeContext, *, steps: int, sigma_max: float, sigma_min: float, mu: float, beta: float
) -> tuple[Sigmas]:
    return (further.laplace(sigma_max, sigma_min, steps, mu, beta),)


def _vp(context: NodeContext, *, steps: int, beta_d: float, beta_min: float, eps_s: float) -> tuple[Sigmas]:
    return (further.variance_preserving(beta_d, beta_min, eps_s, steps),)


def _turbo(context: NodeContext, *, model: DiffusionModel, steps: int, denoise: float) -> tuple[Sigmas]:
    return (further.sd_turbo(model.model_sampling, steps, denoise),)


def _beta(
    context: NodeContext, *, model: DiffusionModel, steps: int, alpha: float, beta: float
) -> tuple[Sigmas]:
    return (schedulers.beta(model.model_sampling, steps, alpha, beta),)


def _aligned(
    context: NodeContext, *, model_type: Literal["SD1", "SDXL", "SVD"], steps: int, denoise: float
) -> tuple[Sigmas]:
    return (further.align_your_steps(model_type, steps, denoise),)


def _gits(context: NodeContext, *, coeff: float, steps: int, denoise: float) -> tuple[Sigmas]:
    raise NoFittedLevels


def _node(
    class_type: str,
    run: Callable[..., tuple[Sigmas]],
    description: str,
    *inputs: InputSchema,
    **declared: Any,
) -> NodeClass:
    names: dict[str, Any] = {"display_name": class_type, "module": _MODULE, **declared}
    return NodeClass(
        schema=NodeSchema(
            class_type=class_type,
            category=_CATEGORY,
            description=description,
            inputs=inputs,
            outputs=(output("SIGMAS"),),
            **names,
        ),
        run=run,
    )


def _level(name: str, default: float, tooltip: str, **options: Any) -> InputSchema:
    ranges = {"low": 0.0, "high": 5000.0, "step": 0.01, "round": False, **options}
    return number(name, default=default, tooltip=tooltip, **ranges)


_MODEL = socket("model", "MODEL", tooltip="The model whose noise levels are used.")
_STEPS = steps()
_RANGE = (
    _STEPS,
    _level("sigma_max", 14.614642, "First noise level."),
    _level("sigma_min", 0.0291675, "Last noise level above 0."),
)

NODES = (
    _node(
        "BasicScheduler",
        _basic,
        "The noise levels that a KSampler takes with this scheduler.",
        _MODEL,
        choice(
            "scheduler",
            tuple(schedulers.SCHEDULERS),
            tooltip="How the steps are spread over the noise levels.",
        ),
        _STEPS,
        denoise(),
    ),
    _node(
        "KarrasScheduler",
        _karras,
        "Noise levels that are evenly spaced in their rho-th root.",
        *_RANGE,
        _level("rho", 7.0, "Larger values spend more steps on low noise.", high=100.0),
    ),
    _node("ExponentialScheduler", _exponential, "Noise levels of equal ratio.", *_RANGE),
    _node(
        "PolyexponentialScheduler",
        _polyexponential,
        "Noise levels of equal ratio, or denser towards one end.",
        *_RANGE,
        _level("rho", 1.0, "1: equal ratios; above: more steps on low noise.", high=100.0),
    ),
    _node(
        "LaplaceScheduler",
        _laplace,
        "Noise levels that gather around one of them.",
        *_RANGE,
        number("mu", default=0.0, low=-10.0, high=10.0, step=0.1, round=False, tooltip="Its logarithm."),
        _level("beta", 0.5, "How widely they spread.", high=10.0, step=0.1),
    ),
    _node(
        "VPScheduler",
        _vp,
        "Noise levels of the variance-preserving process at evenly spaced times.",
        _STEPS,
        _level("beta_d", 19.9, "How much the noise rate grows."),
        _level("beta_min", 0.1, "The noise rate at the end."),
        _level("eps_s", 0.001, "The last time, as a share of all.", high=1.0, step=0.0001),
    ),
    _node(
        "SDTurboScheduler",
        _turbo,
        "The noise levels that turbo models were distilled on.",
        _MODEL,
        integer("steps", default=1, low=1, high=10, tooltip="Of ten at most."),
        denoise(low=0),
    ),
    _node(
        "BetaSamplingScheduler",
        _beta,
        "Noise levels of the model at the quantiles of a beta distribution.",
        _MODEL,
        _STEPS,
        _level("alpha", 0.6, "Below 1: more steps on high noise.", high=50.0),
        _level("beta", 0.6, "Below 1: more steps on low noise.", high=50.0),
    ),
    _node(
        "AlignYourStepsScheduler",
        _aligned,
        "Noise levels that were optimised for few steps.",
        choice("model_type", ("SD1", "SDXL", "SVD"), multiselect=False, tooltip="Optimised for this family."),
        steps(10),
        denoise(),
        display_name=None,
        v3=True,
        module="comfy_extras.nodes_align_your_steps",
    ),
    _node(
        "GITSScheduler",
        _gits,
        "Noise levels that were fitted on a model; not available here.",
        number("coeff", default=1.2, low=0.8, high=1.5, step=0.05),
        integer("steps", default=10, low=2, high=1000),
        denoise(),
        display_name=None,
        v3=True,
        module="comfy_extras.nodes_gits",
    ),
)
