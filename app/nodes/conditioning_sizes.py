"""Nodes that encode texts for SDXL and its refiner, with sizes, and texts for control nets alone."""

from dataclasses import replace

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.conditioning.entry import Conditioning, PictureSize
from app.inference.models.detect_text import Role
from app.inference.models.text_encoder import TextEncoder
from app.nodes.conditioning import embeddings_of, present_encoder
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, integer, number, output, socket

LARGEST = 16384
USUAL = 1024


def _encode_sdxl(
    context: NodeContext,
    *,
    clip: TextEncoder | None,
    width: int,
    height: int,
    crop_w: int,
    crop_h: int,
    target_width: int,
    target_height: int,
    text_g: str,
    text_l: str,
) -> tuple[Conditioning]:
    def text_of(role: Role) -> str:
        return text_l if role == "clip_l" else text_g

    size = PictureSize(
        width=width,
        height=height,
        crop_w=crop_w,
        crop_h=crop_h,
        target_width=target_width,
        target_height=target_height,
    )
    encoded = present_encoder(clip).encode_each(text_of, embeddings_of(context))
    return (tuple(replace(entry, size=size) for entry in encoded),)


def _encode_refiner(
    context: NodeContext, *, ascore: float, width: int, height: int, text: str, clip: TextEncoder | None
) -> tuple[Conditioning]:
    size = PictureSize(width=width, height=height)
    encoded = present_encoder(clip).encode(text, embeddings_of(context))
    return (tuple(replace(entry, size=size, aesthetic_score=ascore) for entry in encoded),)


def _encode_for_control(
    context: NodeContext, *, clip: TextEncoder | None, conditioning: Conditioning, text: str
) -> tuple[Conditioning]:
    (encoded,) = present_encoder(clip).encode(text, embeddings_of(context))
    told = {"control_tokens": encoded.tokens, "control_pooled": encoded.pooled}
    return (tuple(replace(entry, **told) for entry in conditioning),)


def _text(name: str, tooltip: str) -> InputSchema:
    return InputSchema(
        name=name,
        type="STRING",
        options={"multiline": True, "dynamicPrompts": True, "tooltip": tooltip},
    )


def _pixels(name: str, default: int, tooltip: str) -> InputSchema:
    return integer(name, default=default, low=0, high=LARGEST, tooltip=tooltip)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="CLIPTextEncodeSDXL",
            category="advanced/conditioning",
            module="comfy_extras.nodes_clip_sdxl",
            description="Encodes a text per text encoder of SDXL and tells the model picture sizes.",
            inputs=(
                socket("clip", "CLIP", tooltip="The text encoder of SDXL."),
                _pixels("width", USUAL, "Width that the picture is said to have had before it was cropped."),
                _pixels("height", USUAL, "Height that the picture is said to have had."),
                _pixels("crop_w", 0, "How much is said to be cut off at the left."),
                _pixels("crop_h", 0, "How much is said to be cut off at the top."),
                _pixels("target_width", USUAL, "Width that the picture is to have."),
                _pixels("target_height", USUAL, "Height that the picture is to have."),
                _text("text_g", "The text for the larger encoder, CLIP-G."),
                _text("text_l", "The text for the smaller encoder, CLIP-L."),
            ),
            outputs=(output("CONDITIONING"),),
            v3=True,
        ),
        run=_encode_sdxl,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="CLIPTextEncodeSDXLRefiner",
            category="advanced/conditioning",
            module="comfy_extras.nodes_clip_sdxl",
            description="Encodes a text for the refiner of SDXL and tells it how beautiful the picture is.",
            inputs=(
                number(
                    "ascore",
                    default=6.0,
                    low=0.0,
                    high=1000.0,
                    step=0.01,
                    tooltip="The score of beauty that the picture is said to have; usually 6, and 2.5 in the "
                    "negative text.",
                ),
                _pixels("width", USUAL, "Width that the picture is said to have."),
                _pixels("height", USUAL, "Height that the picture is said to have."),
                _text("text", "The text."),
                socket("clip", "CLIP", tooltip="The text encoder of the refiner."),
            ),
            outputs=(output("CONDITIONING"),),
            v3=True,
        ),
        run=_encode_refiner,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="CLIPTextEncodeControlnet",
            category="_for_testing/conditioning",
            module="comfy_extras.nodes_cond",
            experimental=True,
            description="Gives the control nets of a conditioning a text of their own.",
            inputs=(
                socket("clip", "CLIP"),
                socket("conditioning", "CONDITIONING"),
                _text("text", "The text that the control nets see in place of the prompt."),
            ),
            outputs=(output("CONDITIONING"),),
            v3=True,
        ),
        run=_encode_for_control,
    ),
)
