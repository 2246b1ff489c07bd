"""Nodes that load control nets and steer a conditioning by a picture."""

from typing import Any

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.conditioning.chaining import chained, chained_apart
from app.inference.conditioning.control import AppliedControl, ControlNet
from app.inference.conditioning.entry import Conditioning
from app.inference.conditioning.hint import with_hole
from app.inference.models.control.load_controlnet import load_controlnet, load_difference_controlnet
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.pictures.images import Image
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, number, output, socket

TYPES: dict[str, tuple[int, ...]] = {
    "auto": (),
    "openpose": (0,),
    "depth": (1,),
    "hed/pidi/scribble/ted": (2,),
    "canny/lineart/anime_lineart/mlsd": (3,),
    "normal": (4,),
    "segment": (5,),
    "tile": (6,),
    "repaint": (7,),
}
"""What union nets call the kinds of pictures."""


def _load(context: NodeContext, *, control_net_name: str) -> tuple[ControlNet]:
    path = context.folders.models.resolve("controlnet", control_net_name)
    return (context.models.get("control net", path, load_controlnet),)


def _load_difference(
    context: NodeContext, *, model: DiffusionModel, control_net_name: str
) -> tuple[ControlNet]:
    path = context.models.readable(context.folders.models.resolve("controlnet", control_net_name))
    return (load_difference_controlnet(path, context.models.device, model),)


def _apply(
    context: NodeContext,
    *,
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    image: Image,
    strength: float,
    start_percent: float,
    end_percent: float,
    vae: Any = None,
    mask: Mask | None = None,
) -> tuple[Conditioning, ...]:
    if strength == 0:
        return positive, negative
    link = AppliedControl(
        net=control_net,
        picture=image,
        strength=strength,
        start_percent=start_percent,
        end_percent=end_percent,
        mask=mask,
        vae=vae,
    )
    return chained(link, positive, negative)


def _apply_old(
    context: NodeContext,
    *,
    conditioning: Conditioning,
    control_net: ControlNet,
    image: Image,
    strength: float,
) -> tuple[Conditioning]:
    if strength == 0:
        return (conditioning,)
    link = AppliedControl(net=control_net, picture=image, strength=strength)
    return (chained_apart(link, conditioning),)


def _apply_inpaint(
    context: NodeContext, *, control_net: ControlNet, image: Image, mask: Mask, **inputs: Any
) -> tuple[Conditioning, ...]:
    keep = None
    if control_net.takes_mask:
        keep = 1 - mask.reshape(-1, 1, *mask.shape[-2:])
        image = with_hole(image, keep)
    return _apply(context, control_net=control_net, image=image, mask=keep, **inputs)


def _set_type(context: NodeContext, *, control_net: ControlNet, type: str) -> tuple[ControlNet]:
    return (control_net.with_types(TYPES[type]),)


def _sides() -> tuple[InputSchema, ...]:
    return (
        socket("positive", "CONDITIONING"),
        socket("negative", "CONDITIONING"),
        socket("control_net", "CONTROL_NET"),
    )


def _strength() -> InputSchema:
    return number(
        "strength",
        default=1.0,
        low=0.0,
        high=10.0,
        step=0.01,
        tooltip="How much the picture steers; 0 is not at all.",
    )


def _when() -> tuple[InputSchema, ...]:
    return (
        _strength(),
        number("start_percent", default=0.0, low=0.0, high=1.0, step=0.001, tooltip="0 is the noisy start."),
        number(
            "end_percent", default=1.0, low=0.0, high=1.0, step=0.001, tooltip="1 is the finished picture."
        ),
    )


_FILE = choice(
    "control_net_name", source="models:controlnet", tooltip="A .safetensors file in models/controlnet."
)
_OUTPUTS = (output("CONDITIONING", "positive"), output("CONDITIONING", "negative"))

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="ControlNetLoader",
            display_name="Load ControlNet Model",
            category="loaders",
            description="Loads a ControlNet, Control-LoRA or T2I-Adapter.",
            inputs=(_FILE,),
            outputs=(output("CONTROL_NET"),),
        ),
        run=_load,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="DiffControlNetLoader",
            display_name="Load ControlNet Model (diff)",
            category="loaders",
            description="Loads a ControlNet whose file holds differences to the model it was trained on.",
            inputs=(socket("model", "MODEL", tooltip="Its weights are added."), _FILE),
            outputs=(output("CONTROL_NET"),),
        ),
        run=_load_difference,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ControlNetApplyAdvanced",
            display_name="Apply ControlNet",
            category="conditioning/controlnet",
            description="Steers both sides of the conditioning by a picture such as edges, depth or a pose.",
            inputs=(
                *_sides(),
                socket("image", "IMAGE", tooltip="The picture, made as the net expects it."),
                *_when(),
                socket("vae", "VAE", required=False, tooltip="For nets that take latents."),
            ),
            outputs=_OUTPUTS,
        ),
        run=_apply,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ControlNetApplySD3",
            display_name="Apply Controlnet with VAE",
            category="conditioning/controlnet",
            description="Steers both sides of the conditioning by a picture, for nets that take latents.",
            module="comfy_extras.nodes_sd3",
            deprecated=True,
            inputs=(*_sides(), socket("vae", "VAE"), socket("image", "IMAGE"), *_when()),
            outputs=_OUTPUTS,
        ),
        run=_apply,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ControlNetApply",
            display_name="Apply ControlNet (OLD)",
            category="conditioning/controlnet",
            description="Steers one side of the conditioning by a picture, and the other if it has no net.",
            deprecated=True,
            inputs=(
                socket("conditioning", "CONDITIONING"),
                socket("control_net", "CONTROL_NET"),
                socket("image", "IMAGE"),
                _strength(),
            ),
            outputs=(output("CONDITIONING"),),
        ),
        run=_apply_old,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="ControlNetInpaintingAliMamaApply",
            display_name="ControlNetInpaintingAliMamaApply",
            category="conditioning/controlnet",
            description="Steers by a picture with a hole, for nets that take a mask; others ignore the mask.",
            module="comfy_extras.nodes_controlnet",
            inputs=(
                *_sides(),
                socket("vae", "VAE"),
                socket("image", "IMAGE"),
                socket("mask", "MASK", tooltip="White is to be painted."),
                *_when(),
            ),
            outputs=_OUTPUTS,
        ),
        run=_apply_inpaint,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SetUnionControlNetType",
            display_name="SetUnionControlNetType",
            category="conditioning/controlnet",
            description="Tells a net for many kinds of pictures which kind it gets; other nets ignore it.",
            module="comfy_extras.nodes_controlnet",
            inputs=(socket("control_net", "CONTROL_NET"), choice("type", tuple(TYPES))),
            outputs=(output("CONTROL_NET"),),
        ),
        run=_set_type,
    ),
)
