"""Nodes that change how the predictions for the positive and the negative text are mixed."""

from app.graph.node_schema import NodeSchema
from app.inference.conditioning.entry import Conditioning
from app.inference.guidance_changes.cfg_norm import cfg_norm
from app.inference.guidance_changes.cfg_zero_star import cfg_zero_star
from app.inference.guidance_changes.differential_diffusion import differential_diffusion
from app.inference.guidance_changes.perp_neg import PerpNegGuider, perp_neg
from app.inference.guidance_changes.perturbed_attention import perturbed_attention
from app.inference.guidance_changes.rescale_cfg import rescale_cfg
from app.inference.guidance_changes.self_attention_guidance import self_attention_guidance
from app.inference.models.diffusion_model import DiffusionModel
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, number, output, socket


def _rescale_cfg(context: NodeContext, *, model: DiffusionModel, multiplier: float) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(rescale_cfg(multiplier)),)


def _cfg_norm(context: NodeContext, *, model: DiffusionModel, strength: float) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(cfg_norm(strength)),)


def _cfg_zero_star(context: NodeContext, *, model: DiffusionModel) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(cfg_zero_star()),)


def _perp_neg(
    context: NodeContext, *, model: DiffusionModel, empty_conditioning: Conditioning, neg_scale: float
) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(perp_neg(empty_conditioning, neg_scale)),)


def _perp_neg_guider(
    context: NodeContext,
    *,
    model: DiffusionModel,
    positive: Conditioning,
    negative: Conditioning,
    empty_conditioning: Conditioning,
    cfg: float,
    neg_scale: float,
) -> tuple[PerpNegGuider]:
    guider = PerpNegGuider(
        model=model,
        positive=positive,
        negative=negative,
        empty=empty_conditioning,
        cfg=cfg,
        neg_scale=neg_scale,
    )
    return (guider,)


def _perturbed_attention(
    context: NodeContext, *, model: DiffusionModel, scale: float
) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(perturbed_attention(scale)),)


def _self_attention_guidance(
    context: NodeContext, *, model: DiffusionModel, scale: float, blur_sigma: float
) -> tuple[DiffusionModel]:
    network, guidance = self_attention_guidance(scale, blur_sigma)
    return (model.with_network_hooks(network).with_guidance_hooks(guidance),)


def _differential_diffusion(
    context: NodeContext, *, model: DiffusionModel, strength: float = 1.0
) -> tuple[DiffusionModel]:
    return (model.with_guidance_hooks(differential_diffusion(strength)),)


_MODEL = socket("model", "MODEL", tooltip="The model to change; it stays usable as it is.")
_CHANGED = output("MODEL", tooltip="The changed model.")
_PATCHED = output("MODEL", "patched_model", tooltip="The changed model.")
_EMPTY = socket("empty_conditioning", "CONDITIONING", tooltip="An encoded empty text.")
_NEG_SCALE = number(
    "neg_scale",
    default=1.0,
    low=0.0,
    high=100.0,
    step=0.01,
    tooltip="How strongly the negative text pushes away.",
)

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="RescaleCFG",
            display_name="RescaleCFG",
            category="advanced/model",
            description="Keeps high cfg from overexposing, most of all with v-prediction models.",
            module="comfy_extras.nodes_model_advanced",
            inputs=(
                _MODEL,
                number(
                    "multiplier",
                    default=0.7,
                    low=0.0,
                    high=1.0,
                    step=0.01,
                    tooltip="0 is plain guidance, 1 the contrast of the positive prediction.",
                ),
            ),
            outputs=(_CHANGED,),
        ),
        run=_rescale_cfg,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="CFGNorm",
            category="advanced/guidance",
            description="Keeps guidance from making any place stronger than the positive text alone does.",
            module="comfy_extras.nodes_cfg",
            inputs=(
                _MODEL,
                number(
                    "strength",
                    default=1.0,
                    low=0.0,
                    high=100.0,
                    step=0.01,
                    tooltip="Factor on the result.",
                ),
            ),
            outputs=(_PATCHED,),
            experimental=True,
            v3=True,
        ),
        run=_cfg_norm,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="CFGZeroStar",
            category="advanced/guidance",
            description="Scales the negative prediction at every step so that it fits the positive one best.",
            module="comfy_extras.nodes_cfg",
            inputs=(_MODEL,),
            outputs=(_PATCHED,),
            v3=True,
        ),
        run=_cfg_zero_star,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="PerpNeg",
            display_name="Perp-Neg (DEPRECATED by PerpNegGuider)",
            category="_for_testing",
            description="Takes from the negative text only what the positive one does not ask for.",
            module="comfy_extras.nodes_perpneg",
            inputs=(_MODEL, _EMPTY, _NEG_SCALE),
            outputs=(_CHANGED,),
            deprecated=True,
            experimental=True,
        ),
        run=_perp_neg,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="PerpNegGuider",
            category="_for_testing",
            description="Guides by a positive, a negative and an empty text; see Perp-Neg.",
            module="comfy_extras.nodes_perpneg",
            inputs=(
                socket("model", "MODEL", tooltip="The model to guide."),
                socket("positive", "CONDITIONING", tooltip="What the picture should show."),
                socket("negative", "CONDITIONING", tooltip="What it should not show."),
                _EMPTY,
                number(
                    "cfg",
                    default=8.0,
                    low=0.0,
                    high=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="How strongly the picture follows the texts.",
                ),
                _NEG_SCALE,
            ),
            outputs=(output("GUIDER", tooltip="For SamplerCustomAdvanced."),),
            experimental=True,
            v3=True,
        ),
        run=_perp_neg_guider,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="PerturbedAttentionGuidance",
            category="model_patches/unet",
            description="Guides away from pictures without structure; one more model call per step.",
            module="comfy_extras.nodes_pag",
            search_aliases=("PAG",),
            inputs=(
                _MODEL,
                number(
                    "scale",
                    default=3.0,
                    low=0.0,
                    high=100.0,
                    step=0.01,
                    round=0.01,
                    tooltip="How strongly; 0 switches it off.",
                ),
            ),
            outputs=(_CHANGED,),
            v3=True,
        ),
        run=_perturbed_attention,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SelfAttentionGuidance",
            display_name="Self-Attention Guidance",
            category="_for_testing",
            description="Guides away from pictures that are blurred where the model looks closely.",
            module="comfy_extras.nodes_sag",
            search_aliases=("SAG",),
            inputs=(
                _MODEL,
                number(
                    "scale",
                    default=0.5,
                    low=-2.0,
                    high=5.0,
                    step=0.01,
                    tooltip="How strongly; negative values guide towards the blur.",
                ),
                number(
                    "blur_sigma",
                    default=2.0,
                    low=0.0,
                    high=10.0,
                    step=0.1,
                    tooltip="Width of the blur in latent cells; 0 switches the node off.",
                ),
            ),
            outputs=(_CHANGED,),
            experimental=True,
        ),
        run=_self_attention_guidance,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="DifferentialDiffusion",
            display_name="Differential Diffusion",
            category="_for_testing",
            description="Reads the grey of a noise mask as how much each place may change.",
            module="comfy_extras.nodes_differential_diffusion",
            search_aliases=("inpaint", "soft inpainting"),
            inputs=(
                _MODEL,
                number(
                    "strength",
                    default=1.0,
                    low=0.0,
                    high=1.0,
                    step=0.01,
                    required=False,
                    tooltip="Between 0 and 1 the mask itself is mixed in.",
                ),
            ),
            outputs=(_CHANGED,),
            experimental=True,
        ),
        run=_differential_diffusion,
    ),
)
