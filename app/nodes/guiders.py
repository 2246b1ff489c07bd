"""Nodes that put a model and its conditioning together for SamplerCustomAdvanced."""

from app.graph.node_schema import NodeSchema
from app.inference.conditioning.entry import Conditioning
from app.inference.guidance.dual_guider import DualCfgGuider
from app.inference.guidance.guiders import CfgGuider, Guider, positive_guider
from app.inference.models.diffusion_model import DiffusionModel
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, output, socket
from app.nodes.sampling_inputs import CFG, guidance

_MODULE = "comfy_extras.nodes_custom_sampler"
_CATEGORY = "sampling/custom_sampling/guiders"


def _basic(context: NodeContext, *, model: DiffusionModel, conditioning: Conditioning) -> tuple[Guider]:
    return (positive_guider(model, conditioning),)


def _cfg(
    context: NodeContext, *, model: DiffusionModel, positive: Conditioning, negative: Conditioning, cfg: float
) -> tuple[Guider]:
    return (CfgGuider(model=model, positive=positive, negative=negative, cfg=cfg),)


def _dual(
    context: NodeContext,
    *,
    model: DiffusionModel,
    cond1: Conditioning,
    cond2: Conditioning,
    negative: Conditioning,
    cfg_conds: float,
    cfg_cond2_negative: float,
    style: str,
) -> tuple[Guider]:
    guider = DualCfgGuider(
        model=model,
        cond1=cond1,
        cond2=cond2,
        negative=negative,
        cfg_conds=cfg_conds,
        cfg_cond2_negative=cfg_cond2_negative,
        nested=style == "nested",
    )
    return (guider,)


_MODEL = socket("model", "MODEL", tooltip="The model that removes the noise.")
_NEGATIVE = socket("negative", "CONDITIONING", tooltip="What the picture should not show.")

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="BasicGuider",
            display_name="BasicGuider",
            category=_CATEGORY,
            module=_MODULE,
            description="Guides a model by one conditioning alone.",
            inputs=(
                _MODEL,
                socket("conditioning", "CONDITIONING", tooltip="What the picture should show."),
            ),
            outputs=(output("GUIDER"),),
        ),
        run=_basic,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="CFGGuider",
            display_name="CFGGuider",
            category=_CATEGORY,
            module=_MODULE,
            description="Guides a model towards the positive and away from the negative conditioning.",
            inputs=(
                _MODEL,
                socket("positive", "CONDITIONING", tooltip="What the picture should show."),
                _NEGATIVE,
                CFG,
            ),
            outputs=(output("GUIDER"),),
        ),
        run=_cfg,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="DualCFGGuider",
            display_name="DualCFGGuider",
            category=_CATEGORY,
            module=_MODULE,
            description="Guides a model by two conditionings, each with a strength, and a negative one.",
            inputs=(
                _MODEL,
                socket("cond1", "CONDITIONING", tooltip="Guided towards, seen from the second."),
                socket("cond2", "CONDITIONING", tooltip="Guided towards, seen from the negative."),
                _NEGATIVE,
                guidance("cfg_conds", "Strength of the first conditioning over the second."),
                guidance("cfg_cond2_negative", "Strength of the second conditioning over the negative."),
                choice(
                    "style",
                    ("regular", "nested"),
                    tooltip="Add both strengths up, or guide the mixture of both conditionings as one.",
                ),
            ),
            outputs=(output("GUIDER"),),
        ),
        run=_dual,
    ),
)
