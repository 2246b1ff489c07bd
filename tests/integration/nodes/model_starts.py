"""Where the trials of nodes that change models begin; `test_model_inputs_matter.py` tries them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from app.inference.models.unet.compiled import CompiledUNet
from tests.integration.nodes.kit import Kit, Seen, Start
from tests.integration.pictures.model_graphs import CHANGES
from tests.unit.nodes.tiny_runs import NODES, call

FACTORS = {"q": 1.5, "k": 0.5, "v": 1.5, "out": 0.5}


def changed_model(kit: Kit, inputs: dict[str, Any], **others: Any) -> Start:
    """A node that changes a model."""
    return Start({"model": kit.model, **inputs}, {"model": kit.other[0], **others})


def soft_inpainting(kit: Kit) -> Start:
    masked = kit.latents[0].__class__(samples=kit.latents[0].samples, noise_mask=kit.masks[1])

    def see(kit: Kit, outputs: tuple[Any, ...]) -> Seen:
        return [kit.sampled(model=outputs[0], latent_image=masked, steps=3)]

    return Start({"model": kit.model}, {"model": kit.other[0], "strength": 0.3}, see=see)


def compiled(kit: Kit) -> Start:
    def see(kit: Kit, outputs: tuple[Any, ...]) -> Seen:
        network = outputs[0].network
        assert isinstance(network, CompiledUNet)
        return [str(network.backend), str(id(network.weights))]

    return Start(
        {"model": kit.model, "backend": "inductor"}, {"model": kit.other[0], "backend": "cudagraphs"}, see=see
    )


def perp_neg_guider(kit: Kit) -> Start:
    inputs = {"model": kit.model, "positive": kit.texts[0], "negative": kit.texts[1]}
    inputs |= {"empty_conditioning": kit.texts[2], "cfg": 4.0, "neg_scale": 1.0}
    others = {"model": kit.other[0], "positive": kit.texts[2], "negative": kit.texts[0]}
    return Start(inputs, others | {"empty_conditioning": kit.texts[1], "cfg": 2.0, "neg_scale": 0.3})


def merged_models(**numbers: tuple[float, float]) -> Callable[[Kit], Start]:
    def start(kit: Kit) -> Start:
        (third,) = call(kit.context, "UNetCrossAttentionMultiply", model=kit.model, **FACTORS)
        inputs = {"model1": kit.model, "model2": kit.other[0]} | {
            name: pair[0] for name, pair in numbers.items()
        }
        return Start(
            inputs, {"model1": third, "model2": third} | {name: pair[1] for name, pair in numbers.items()}
        )

    return start


def merged_texts(**numbers: tuple[float, float]) -> Callable[[Kit], Start]:
    def start(kit: Kit) -> Start:
        (third,) = call(kit.context, "CLIPAttentionMultiply", clip=kit.clip, **FACTORS)
        inputs = {"clip1": kit.clip, "clip2": kit.other[1]} | {
            name: pair[0] for name, pair in numbers.items()
        }
        return Start(
            inputs, {"clip1": third, "clip2": third} | {name: pair[1] for name, pair in numbers.items()}
        )

    return start


def lora(kit: Kit) -> Start:
    names = [kit.models.path(f"golden_sd1_{name}.safetensors").name for name in ("kohya_ldm", "loha")]
    inputs = {"model": kit.model, "clip": kit.clip, "lora_name": names[0]}
    others = {"model": kit.other[0], "clip": kit.other[1], "lora_name": names[1]}
    return Start(inputs, others | {"strength_model": 0.2, "strength_clip": 0.2})


def lora_of_model(kit: Kit) -> Start:
    both = lora(kit)
    kept = {each.name for each in NODES["LoraLoaderModelOnly"].schema.inputs}
    return Start(
        {name: each for name, each in both.inputs.items() if name in kept},
        {name: each for name, each in both.others.items() if name in kept},
    )


def hypernetwork(kit: Kit) -> Start:
    path = kit.models.path("golden_hyper.pt")
    other = path.with_stem("golden_hyper_other")
    widths = torch.load(path, weights_only=True)
    for pair in (each for width, each in widths.items() if isinstance(width, int)):
        for network in pair:
            network.update({name: tensor * 0.5 for name, tensor in network.items()})
    torch.save(widths, other)
    return changed_model(kit, {"hypernetwork_name": path.name}, hypernetwork_name=other.name, strength=0.3)


STARTS: dict[str, Callable[[Kit], Start]] = {
    **{name: partial(changed_model, inputs=inputs) for name, inputs in CHANGES.items()},
    "UNetCrossAttentionMultiply": lambda kit: changed_model(kit, FACTORS, q=1.0, k=1.0, v=1.0, out=1.0),
    "UNetSelfAttentionMultiply": lambda kit: changed_model(kit, FACTORS, q=1.0, k=1.0, v=1.0, out=1.0),
    "HypernetworkLoader": hypernetwork,
    "PerpNeg": lambda kit: changed_model(kit, {"empty_conditioning": kit.texts[2]}),
    "DifferentialDiffusion": soft_inpainting,
    "TorchCompileModel": compiled,
    "PerpNegGuider": perp_neg_guider,
    "ModelMergeAdd": merged_models(),
    "ModelMergeSimple": merged_models(ratio=(0.3, 0.8)),
    "ModelMergeSubtract": merged_models(multiplier=(1.0, 0.4)),
    "ModelMergeBlocks": merged_models(input=(0.3, 0.8), middle=(0.3, 0.8), out=(0.3, 0.8)),
    "ModelMergeSD1": merged_models(**{"time_embed.": (0.3, 0.8)}),
    "CLIPMergeAdd": merged_texts(),
    "CLIPMergeSimple": merged_texts(ratio=(0.3, 0.8)),
    "CLIPMergeSubtract": merged_texts(multiplier=(1.0, 0.4)),
    "CLIPAttentionMultiply": lambda kit: Start(
        {"clip": kit.clip, **FACTORS}, {"clip": kit.other[1], **dict.fromkeys(FACTORS, 1.0)}
    ),
    "LoraLoader": lora,
    "LoraLoaderModelOnly": lora_of_model,
}
XL_STARTS = {"ModelMergeSDXL": merged_models(**{"time_embed.": (0.3, 0.8)})}
