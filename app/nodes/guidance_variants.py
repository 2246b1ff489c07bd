"""Nodes for rules of guidance from papers and from people's workflows that came after the usual ones."""

from app.graph.node_schema import NodeSchema
from app.inference.guidance_changes.adaptive_projection import adaptive_projection
from app.inference.guidance_changes.epsilon_scaling import epsilon_scaling
from app.inference.guidance_changes.frequency_scaling import frequency_scaling
from app.inference.guidance_changes.mahiro import mahiro
from app.inference.guidance_changes.renorm_cfg import renorm_cfg as renormed
from app.inference.guidance_changes.tangential_damping import tangential_damping
from app.inference.models.diffusion_model import DiffusionModel
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, integer, number, output, socket


def _adaptive_projection(
    context: NodeContext, *, model: DiffusionModel, eta: float, norm_threshold: float, momentum: float
) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(adaptive_projection(eta, norm_threshold, momentum)),)


def _tangential_damping(context: NodeContext, *, model: DiffusionModel) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(tangential_damping()),)


def _mahiro(context: NodeContext, *, model: DiffusionModel) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(mahiro()),)


def _frequency_scaling(
    context: NodeContext, *, model: DiffusionModel, scale_low: float, scale_high: float, freq_cutoff: int
) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(frequency_scaling(scale_low, scale_high, freq_cutoff)),)


def _epsilon_scaling(
    context: NodeContext, *, model: DiffusionModel, scaling_factor: float
) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(epsilon_scaling(scaling_factor)),)


def _renorm_cfg(
    context: NodeContext, *, model: DiffusionModel, cfg_trunc: float, renorm_cfg: float
) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(renormed(cfg_trunc, renorm_cfg)),)


_CATEGORY = "advanced/guidance"
_MODEL = socket("model", "MODEL", tooltip="The model to change; it stays usable as it is.")
_CHANGED = output("MODEL", tooltip="The changed model.")

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="APG",
            display_name="Adaptive Projected Guidance",
            category=_CATEGORY,
            description="Lets high cfg add detail without burning colours.",
            inputs=(
                _MODEL,
                number(
                    "eta",
                    default=1.0,
                    low=-10.0,
                    high=10.0,
                    step=0.01,
                    tooltip="Weight of the part of the guidance that only raises saturation; 1 is usual cfg.",
                ),
                number(
                    "norm_threshold",
                    default=5.0,
                    low=0.0,
                    high=50.0,
                    step=0.1,
                    tooltip="Longest guidance that is let through; 0 lets all through.",
                ),
                number(
                    "momentum",
                    default=0.0,
                    low=-5.0,
                    high=1.0,
                    step=0.01,
                    tooltip="Share of the earlier steps' guidance that is added; negative values damp it.",
                ),
            ),
            outputs=(_CHANGED,),
        ),
        run=_adaptive_projection,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="TCFG",
            display_name="Tangential Damping CFG",
            category=_CATEGORY,
            description="Keeps of the negative prediction only what it has in common with the positive one.",
            inputs=(_MODEL,),
            outputs=(_CHANGED,),
        ),
        run=_tangential_damping,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="Mahiro",
            display_name="Mahiro CFG",
            category=_CATEGORY,
            description="Follows the positive text more where both texts point the same way.",
            inputs=(_MODEL,),
            outputs=(_CHANGED,),
        ),
        run=_mahiro,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="FreSca",
            display_name="FreSca",
            category=_CATEGORY,
            description="Scales the coarse and the fine part of the guidance apart from each other.",
            inputs=(
                _MODEL,
                number(
                    "scale_low",
                    default=1.0,
                    low=0.0,
                    high=10.0,
                    step=0.01,
                    tooltip="Factor on coarse structure.",
                ),
                number(
                    "scale_high",
                    default=1.25,
                    low=0.0,
                    high=10.0,
                    step=0.01,
                    tooltip="Factor on fine detail.",
                ),
                integer(
                    "freq_cutoff",
                    default=20,
                    low=1,
                    high=10000,
                    step=1,
                    tooltip="Frequencies up to this one count as coarse.",
                ),
            ),
            outputs=(_CHANGED,),
        ),
        run=_frequency_scaling,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="Epsilon Scaling",
            display_name="Epsilon Scaling",
            category=_CATEGORY,
            description="Makes the predicted noise a little smaller, against errors that add up.",
            inputs=(
                _MODEL,
                number(
                    "scaling_factor",
                    default=1.005,
                    low=0.5,
                    high=1.5,
                    step=0.001,
                    tooltip="The noise is divided by this; 1 changes nothing.",
                ),
            ),
            outputs=(_CHANGED,),
        ),
        run=_epsilon_scaling,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="RenormCFG",
            display_name="RenormCFG",
            category=_CATEGORY,
            description="Guides only below a noise level and limits how far guidance may reach.",
            inputs=(
                _MODEL,
                number(
                    "cfg_trunc",
                    default=100.0,
                    low=0.0,
                    high=100.0,
                    step=0.01,
                    tooltip="At noise levels from here on the positive text alone counts.",
                ),
                number(
                    "renorm_cfg",
                    default=1.0,
                    low=0.0,
                    high=100.0,
                    step=0.01,
                    tooltip="Largest length of the result, in lengths of the positive prediction; 0: any.",
                ),
            ),
            outputs=(_CHANGED,),
        ),
        run=_renorm_cfg,
    ),
)
