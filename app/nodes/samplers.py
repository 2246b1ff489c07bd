"""Nodes that choose a sampler, with its options where it has some."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.samplers.base import Sampler
from app.inference.samplers.lcm_upscale import lcm_upscale
from app.inference.samplers.registry import SAMPLERS
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, number, output, socket

_CATEGORY = "sampling/custom_sampling/samplers"
_MODULE = "comfy_extras.nodes_custom_sampler"
_METHODS = ("bislerp", "nearest-exact", "bilinear", "area", "bicubic")


def _select(context: NodeContext, *, sampler_name: str) -> tuple[Sampler]:
    return (SAMPLERS[sampler_name],)


def _with_options(name: str, **options: Any) -> tuple[Sampler]:
    """A sampler of the menu with some of its method's parameters set."""
    sampler = SAMPLERS[name]
    return (replace(sampler, method=partial(sampler.method, **options)),)


def _plain(name: str) -> Callable[..., tuple[Sampler]]:
    """The node's inputs are the method's parameters."""

    def run(context: NodeContext, **options: Any) -> tuple[Sampler]:
        return _with_options(name, **options)

    return run


def _on_device(name: str) -> Callable[..., tuple[Sampler]]:
    """The same, for methods whose noise comes from a Brownian path."""

    def run(context: NodeContext, *, noise_device: str, **options: Any) -> tuple[Sampler]:
        return _with_options(name, tree_on_cpu=noise_device == "cpu", **options)

    return run


def _sa_solver(context: NodeContext, *, model: DiffusionModel, **options: Any) -> tuple[Sampler]:
    return _with_options("sa_solver", percents_of=model.model_sampling, **options)


def _lcm_upscale(
    context: NodeContext, *, scale_ratio: float, scale_steps: int, upscale_method: str
) -> tuple[Sampler]:
    method = partial(
        lcm_upscale, scale_ratio=scale_ratio, scale_steps=scale_steps, upscale_method=upscale_method
    )
    return (Sampler(method=method),)


def _option(name: str, default: float, tooltip: str, *, high: float = 100.0) -> InputSchema:
    return number(name, default=default, low=0.0, high=high, step=0.01, round=False, tooltip=tooltip)


def _switch(name: str, tooltip: str) -> InputSchema:
    return InputSchema(name=name, type="BOOLEAN", options={"tooltip": tooltip})


def _node(
    class_type: str,
    run: Callable[..., tuple[Sampler]],
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
            outputs=(output("SAMPLER"),),
            **names,
        ),
        run=run,
    )


_ETA = _option("eta", 1.0, "Share of new noise in every step; 0 draws none.")
_S_NOISE = _option("s_noise", 1.0, "Size of the new noise.")
_NOISE_DEVICE = choice(
    "noise_device", ("gpu", "cpu"), tooltip="On the CPU the noise is the same on every computer."
)

NODES = (
    _node(
        "KSamplerSelect",
        _select,
        "Chooses a sampler by its name.",
        choice("sampler_name", tuple(SAMPLERS), tooltip="The method that removes the noise."),
    ),
    _node("SamplerEulerAncestral", _plain("euler_ancestral"), "Euler steps with new noise.", _ETA, _S_NOISE),
    _node(
        "SamplerEulerAncestralCFGPP",
        _plain("euler_ancestral_cfg_pp"),
        "Euler steps with new noise that keep the noise of the negative side.",
        _option("eta", 1.0, "Share of new noise in every step; 0 draws none.", high=1.0),
        _option("s_noise", 1.0, "Size of the new noise.", high=10.0),
        display_name="SamplerEulerAncestralCFG++",
    ),
    _node(
        "SamplerLMS",
        _plain("lms"),
        "Steps along a polynomial through the slopes of earlier steps.",
        integer("order", default=4, low=1, high=100, tooltip="How many slopes are remembered."),
    ),
    _node(
        "SamplerDPMPP_2S_Ancestral",
        _plain("dpmpp_2s_ancestral"),
        "Midpoint steps of DPM-Solver++ with new noise.",
        _ETA,
        _S_NOISE,
    ),
    _node(
        "SamplerDPMPP_SDE",
        _on_device("dpmpp_sde"),
        "Two-stage steps of DPM-Solver++ with noise from one Brownian path.",
        _ETA,
        _S_NOISE,
        _option("r", 0.5, "Place of the inner point, as a share of the step."),
        _NOISE_DEVICE,
    ),
    _node(
        "SamplerDPMPP_2M_SDE",
        _on_device("dpmpp_2m_sde"),
        "Steps of DPM-Solver++ with one remembered answer and noise from one Brownian path.",
        choice("solver_type", ("midpoint", "heun"), tooltip="How the remembered answer is weighed."),
        _ETA,
        _S_NOISE,
        _NOISE_DEVICE,
    ),
    _node(
        "SamplerDPMPP_3M_SDE",
        _on_device("dpmpp_3m_sde"),
        "Steps of DPM-Solver++ with two remembered answers and noise from one Brownian path.",
        _ETA,
        _S_NOISE,
        _NOISE_DEVICE,
    ),
    _node(
        "SamplerDPMAdaptative",
        _plain("dpm_adaptive"),
        "Chooses its own steps so that the error of each stays below a tolerance.",
        integer("order", default=3, low=2, high=3, tooltip="Order of the more exact of the two solutions."),
        _option("rtol", 0.05, "Tolerated error relative to the sample."),
        _option("atol", 0.0078, "Tolerated error in any case."),
        _option("h_init", 0.05, "Length of the first step, in the logarithm of the noise level."),
        _option("pcoeff", 0.0, "Weight of the last error in the choice of the next step."),
        _option("icoeff", 1.0, "Weight of the sum of errors."),
        _option("dcoeff", 0.0, "Weight of the change of the error."),
        _option("accept_safety", 0.81, "Steps that would have to shrink by more than this are made again."),
        _option("eta", 0.0, "Share of new noise in every step; 0 draws none."),
        _S_NOISE,
    ),
    _node(
        "SamplerER_SDE",
        _plain("er_sde"),
        "Extended reverse-time SDE with up to two remembered answers.",
        choice("solver_type", ("ER-SDE", "Reverse-time SDE", "ODE"), tooltip="How noisy the process is."),
        integer("max_stage", default=3, low=1, high=3, tooltip="Largest order."),
        _option("eta", 1.0, "Noise of the reverse-time SDE; the others ignore it."),
        _S_NOISE,
    ),
    _node(
        "SamplerSASolver",
        _sa_solver,
        "Stochastic Adams steps that are predicted and then corrected.",
        socket("model", "MODEL", tooltip="The model whose schedule the two shares refer to."),
        _option("eta", 1.0, "Strength of the noise between the two shares.", high=10.0),
        number("sde_start_percent", default=0.2, low=0.0, high=1.0, step=0.001, tooltip="Noise from here."),
        number("sde_end_percent", default=0.8, low=0.0, high=1.0, step=0.001, tooltip="No noise from here."),
        _S_NOISE,
        integer("predictor_order", default=3, low=1, high=6, tooltip="Answers the prediction is made from."),
        integer("corrector_order", default=4, low=0, high=6, tooltip="And the correction; 0 makes none."),
        _switch("use_pece", "Ask the model once more at the corrected place."),
        _switch("simple_order_2", "Simpler weights where two answers are used."),
    ),
    _node(
        "SamplerLCMUpscale",
        _lcm_upscale,
        "Consistency sampling that enlarges the picture in the first steps.",
        number("scale_ratio", default=1.0, low=0.1, high=20.0, step=0.01, tooltip="Size at the end."),
        integer(
            "scale_steps",
            default=-1,
            low=-1,
            high=1000,
            step=1,
            tooltip="Steps that enlarge; -1: half of all.",
        ),
        choice("upscale_method", _METHODS, multiselect=False),
        display_name=None,
        v3=True,
        module="comfy_extras.nodes_advanced_samplers",
    ),
)
