"""Makes small LoRA files for the tiny checkpoints; tests of patches and nodes use it."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.checkpoints import TEXT, UNET, tiny_weights

RANK, ALPHA, STD = 4, 2.0, 0.4
UNET_LAYERS = (
    "input_blocks.1.1.transformer_blocks.0.attn1.to_q",
    "input_blocks.1.1.transformer_blocks.0.attn2.to_v",
    "input_blocks.1.0.in_layers.2",
    "middle_block.0.emb_layers.1",
    "middle_block.1.proj_in",
    "output_blocks.3.1.transformer_blocks.0.ff.net.0.proj",
)
TEXT_LAYERS = ("encoder.layers.0.self_attn.q_proj", "encoder.layers.1.mlp.fc1")


def kohya_name(layer: str) -> str:
    """A layer of the UNet or the text encoder in the spelling of kohya's trainer."""
    if layer in TEXT_LAYERS:
        return "lora_te_text_model_" + layer.replace(".", "_")
    return "lora_unet_" + layer.replace(".", "_")


def lora_tensors(
    layers: Sequence[str] = (*UNET_LAYERS, *TEXT_LAYERS), *, seed: int = 100, dora: bool = False
) -> dict[str, Tensor]:
    """A LoRA of some layers of the tiny checkpoint in kohya's spelling."""
    shapes = {name: tensor.shape for name, tensor in tiny_weights().items()}
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for layer in layers:
        out, *rest = shapes[checkpoint_name(layer)]
        name = kohya_name(layer)
        tensors[f"{name}.lora_down.weight"] = STD * torch.randn(RANK, *rest, generator=generator)
        tensors[f"{name}.lora_up.weight"] = STD * torch.randn(
            out, RANK, *(1 for _ in rest[1:]), generator=generator
        )
        tensors[f"{name}.alpha"] = torch.tensor(ALPHA)
        if dora:
            tensors[f"{name}.dora_scale"] = 1 + torch.rand(
                out, 1, *(1 for _ in rest[1:]), generator=generator
            )
    return tensors


def checkpoint_name(layer: str) -> str:
    """The weight of a layer in the checkpoint."""
    return f"{TEXT if layer in TEXT_LAYERS else UNET}{layer}.weight"


def merged(weights: dict[str, Tensor], lora: dict[str, Tensor], strength: float) -> dict[str, Tensor]:
    """A checkpoint with a LoRA worked into its weights by the formula of Hu et al. 2021, in float64."""
    result = dict(weights)
    for layer in (*UNET_LAYERS, *TEXT_LAYERS):
        up = lora.get(f"{kohya_name(layer)}.lora_up.weight")
        if up is not None:
            down = lora[f"{kohya_name(layer)}.lora_down.weight"]
            weight = weights[checkpoint_name(layer)]
            product = up.double().flatten(1) @ down.double().flatten(1)
            change = strength * ALPHA / RANK * product.reshape(weight.shape)
            result[checkpoint_name(layer)] = (weight.double() + change).float()
    return result


def save_lora(path: Path, tensors: dict[str, Tensor]) -> Path:
    """Write a LoRA file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path
