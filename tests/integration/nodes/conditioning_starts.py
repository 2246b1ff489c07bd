"""Where the trials of nodes that make conditionings begin; `test_model_inputs_matter.py` tries them."""

from collections.abc import Callable
from typing import Any

from tests.integration.nodes.kit import Kit, Seen, Start
from tests.integration.nodes.model_starts import FACTORS
from tests.integration.nodes.recorded_nodes.stubs import StubControlNet
from tests.unit.nodes.tiny_runs import call

SIZES = {"width": 640, "height": 384, "crop_w": 8, "crop_h": 16, "target_width": 512, "target_height": 320}


def text(kit: Kit) -> Start:
    return Start({"clip": kit.clip, "text": "a cat"}, {"clip": kit.other[1], "text": "a dog"})


def text_for_net(kit: Kit) -> Start:
    def see(kit: Kit, outputs: tuple[Any, ...]) -> Seen:
        (entry,) = outputs[0]
        return [entry.tokens, entry.control_tokens, entry.control_pooled]

    inputs = {"clip": kit.clip, "conditioning": kit.texts[0], "text": "a cat"}
    return Start(inputs, {"clip": kit.other[1], "conditioning": kit.texts[2], "text": "a dog"}, see=see)


def earlier_layer(kit: Kit) -> Start:
    return Start({"clip": kit.clip}, {"clip": kit.other[1], "stop_at_clip_layer": -2})


def xl_text(kit: Kit) -> Start:
    inputs = {"clip": kit.clip, "text_g": "a castle", "text_l": "oil", **SIZES}
    others = {"clip": kit.other[1], "text_g": "a dog", "text_l": "photo"}
    return Start(inputs, others | {name: size * 2 for name, size in SIZES.items()})


def refiner_text(kit: Kit) -> Start:
    inputs = {"clip": kit.clip, "text": "a castle", "width": 640, "height": 384}
    (other,) = call(kit.context, "CLIPAttentionMultiply", clip=kit.clip, **FACTORS)
    return Start(inputs, {"clip": other, "text": "a dog", "width": 512, "height": 640, "ascore": 2.0})


def zeroed(kit: Kit) -> Start:
    longer = call(kit.context, "CLIPTextEncode", clip=kit.clip, text="a cat, " * 60)[0]
    return Start(
        {"conditioning": kit.texts[0]}, {"conditioning": longer}, see=lambda _, out: [out[0][0].tokens]
    )


def steering(kit: Kit) -> Start:
    sides = {"positive": kit.texts[0], "negative": kit.texts[1], "vae": kit.vae}
    others = {"positive": kit.texts[2], "negative": kit.texts[0], "control_net": kit.nets[1]}
    others |= {"image": kit.pictures[1], "strength": 0.3, "start_percent": 0.4, "end_percent": 0.3}
    return Start({**sides, "control_net": kit.nets[0], "image": kit.pictures[0]}, others)


def steering_with_mask(kit: Kit) -> Start:
    start = steering(kit)
    net = StubControlNet(takes_mask=True)

    def see(kit: Kit, outputs: tuple[Any, ...]) -> Seen:
        (positive,), (negative,) = outputs
        link = positive.control
        seen = [link.picture, link.mask, positive.tokens, negative.tokens, str(id(link.net))]
        return [*seen, f"{link.strength} {link.start_percent} {link.end_percent}"]

    inputs = {**start.inputs, "control_net": net, "mask": kit.masks[0]}
    return Start(
        inputs,
        {**start.others, "control_net": StubControlNet(takes_mask=True), "mask": kit.masks[1]},
        see=see,
    )


def net_with_type(kit: Kit) -> Start:
    net = StubControlNet()

    def see(kit: Kit, outputs: tuple[Any, ...]) -> Seen:
        return [f"{outputs[0].types} {outputs[0].takes_mask}"]

    others = {"control_net": StubControlNet(takes_mask=True), "type": "depth"}
    return Start({"control_net": net, "type": "openpose"}, others, see=see)


def net_file(kit: Kit) -> Start:
    names = [kit.models.path(f"golden_sd1_control{number}.safetensors").name for number in ("", "2")]
    return Start({"control_net_name": names[0]}, {"control_net_name": names[1]})


def box(kit: Kit) -> Start:
    files = kit.two_files("golden_gligen.safetensors")
    first, second = (call(kit.context, "GLIGENLoader", gligen_name=each)[0] for each in files)
    (clip,) = call(kit.context, "CLIPAttentionMultiply", clip=kit.clip, **FACTORS)
    inputs = {"conditioning_to": kit.texts[0], "clip": kit.clip, "gligen_textbox_model": first}
    inputs |= {"text": "a dog", "width": 32, "height": 24, "x": 8, "y": 16}
    others = {"conditioning_to": kit.texts[2], "clip": clip, "gligen_textbox_model": second}
    return Start(inputs, others | {"text": "a cat", "width": 48, "height": 40, "x": 24, "y": 0})


def box_file(kit: Kit) -> Start:
    first, second = kit.two_files("golden_gligen.safetensors")

    def see(kit: Kit, outputs: tuple[Any, ...]) -> Seen:
        where = {"text": "a dog", "width": 32, "height": 24, "x": 8, "y": 16}
        inputs = {"conditioning_to": kit.texts[0], "clip": kit.clip, "gligen_textbox_model": outputs[0]}
        (positive,) = call(kit.context, "GLIGENTextBoxApply", **inputs, **where)
        return [kit.sampled(positive=positive)]

    return Start({"gligen_name": first}, {"gligen_name": second}, see=see)


STARTS: dict[str, Callable[[Kit], Start]] = {
    "CLIPTextEncode": text,
    "CLIPTextEncodeControlnet": text_for_net,
    "CLIPSetLastLayer": earlier_layer,
    "ConditioningZeroOut": zeroed,
    "ControlNetApplyAdvanced": steering,
    "ControlNetApplySD3": steering,
    "ControlNetInpaintingAliMamaApply": steering_with_mask,
    "SetUnionControlNetType": net_with_type,
    "ControlNetLoader": net_file,
}
SD2_STARTS = {"GLIGENLoader": box_file, "GLIGENTextBoxApply": box}
XL_STARTS = {"CLIPTextEncodeSDXL": xl_text}
REFINER_STARTS = {"CLIPTextEncodeSDXLRefiner": refiner_text}
