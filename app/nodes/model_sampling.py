"""Nodes that tell a model another meaning of its output or other noise levels."""

from dataclasses import replace

from app.graph.node_schema import MAX_RESOLUTION, InputSchema, NodeSchema
from app.inference.latents.format import PLAYGROUND_LATENT
from app.inference.model_sampling import ModelSampling, families
from app.inference.models.diffusion_model import DiffusionModel
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, boolean, choice, integer, number, output, socket

_CATEGORY = "advanced/model"
_MODULE = "comfy_extras.nodes_model_advanced"


def _discrete(
    context: NodeContext, *, model: DiffusionModel, sampling: families.Discrete, zsnr: bool
) -> tuple[DiffusionModel]:
    return _sampled(model, families.discrete(sampling, zero_terminal_snr=zsnr))


def _continuous(
    context: NodeContext,
    *,
    model: DiffusionModel,
    sampling: families.Continuous,
    sigma_max: float,
    sigma_min: float,
) -> tuple[DiffusionModel]:
    if sampling == "edm_playground_v2.5":
        model = replace(model, latent_format=PLAYGROUND_LATENT)
    return _sampled(model, families.continuous(sampling, sigma_min=sigma_min, sigma_max=sigma_max))


def _sd3(context: NodeContext, *, model: DiffusionModel, shift: float) -> tuple[DiffusionModel]:
    return _sampled(model, families.shifted_flow(shift))


def _aura_flow(context: NodeContext, *, model: DiffusionModel, shift: float) -> tuple[DiffusionModel]:
    return _sampled(model, families.shifted_flow(shift, multiplier=1.0))


def _flux(
    context: NodeContext,
    *,
    model: DiffusionModel,
    max_shift: float,
    base_shift: float,
    width: int,
    height: int,
) -> tuple[DiffusionModel]:
    mu = families.flux_shift(width=width, height=height, base_shift=base_shift, max_shift=max_shift)
    return _sampled(model, families.flux(mu))


def _cascade(context: NodeContext, *, model: DiffusionModel, shift: float) -> tuple[DiffusionModel]:
    return _sampled(model, families.cascade(shift))


def _sampled(model: DiffusionModel, sampling: ModelSampling) -> tuple[DiffusionModel]:
    return (replace(model, model_sampling=sampling),)


def _shift(name: str, default: float, tooltip: str) -> InputSchema:
    return number(name, default=default, low=0.0, high=100.0, step=0.01, tooltip=tooltip)


def _sigma(name: str, default: float, tooltip: str) -> InputSchema:
    return number(name, default=default, low=0.0, high=1000.0, step=0.001, round=False, tooltip=tooltip)


_MODEL = socket("model", "MODEL")
_SHIFT_TIP = "Larger values spend more of the steps on high noise, which larger pictures need."

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="ModelSamplingDiscrete",
            display_name="ModelSamplingDiscrete",
            category=_CATEGORY,
            module=_MODULE,
            description="Tells what the output of a model with a thousand noise levels means.",
            inputs=(
                _MODEL,
                choice(
                    "sampling",
                    ("eps", "v_prediction", "lcm", "x0", "img_to_img"),
                    tooltip="Noise, velocity, a consistency model's noise, or the picture itself.",
                ),
                boolean("zsnr", default=False, tooltip="For models whose last level is noise alone."),
            ),
            outputs=(output("MODEL"),),
        ),
        run=_discrete,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ModelSamplingContinuousEDM",
            display_name="ModelSamplingContinuousEDM",
            category=_CATEGORY,
            module=_MODULE,
            description="Tells what the output of a model with continuous noise levels means.",
            inputs=(
                _MODEL,
                choice(
                    "sampling",
                    ("v_prediction", "edm", "edm_playground_v2.5", "eps", "cosmos_rflow"),
                    tooltip="The kind of model.",
                ),
                _sigma("sigma_max", 120.0, "Highest noise level."),
                _sigma("sigma_min", 0.002, "Lowest noise level."),
            ),
            outputs=(output("MODEL"),),
        ),
        run=_continuous,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ModelSamplingStableCascade",
            display_name="ModelSamplingStableCascade",
            category=_CATEGORY,
            module=_MODULE,
            description="Sets the noise levels of Stable Cascade.",
            inputs=(_MODEL, _shift("shift", 2.0, _SHIFT_TIP)),
            outputs=(output("MODEL"),),
        ),
        run=_cascade,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ModelSamplingSD3",
            display_name="ModelSamplingSD3",
            category=_CATEGORY,
            module=_MODULE,
            description="Sets the noise levels of Stable Diffusion 3.",
            inputs=(_MODEL, _shift("shift", 3.0, _SHIFT_TIP)),
            outputs=(output("MODEL"),),
        ),
        run=_sd3,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ModelSamplingAuraFlow",
            display_name="ModelSamplingAuraFlow",
            category=_CATEGORY,
            module=_MODULE,
            description="Sets the noise levels of AuraFlow.",
            inputs=(_MODEL, _shift("shift", 1.73, _SHIFT_TIP)),
            outputs=(output("MODEL"),),
        ),
        run=_aura_flow,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ModelSamplingFlux",
            display_name="ModelSamplingFlux",
            category=_CATEGORY,
            module=_MODULE,
            description="Sets the noise levels of Flux for a size of picture.",
            inputs=(
                _MODEL,
                _shift("max_shift", 1.15, "Shift of the largest picture."),
                _shift("base_shift", 0.5, "Shift of the smallest picture."),
                integer("width", default=1024, low=16, high=MAX_RESOLUTION, step=8, tooltip="In pixels."),
                integer("height", default=1024, low=16, high=MAX_RESOLUTION, step=8, tooltip="In pixels."),
            ),
            outputs=(output("MODEL"),),
        ),
        run=_flux,
    ),
)
