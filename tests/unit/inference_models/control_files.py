"""Makes tiny control nets and UNets by diffusers, with random weights, for the tests of control nets."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn

from app.inference.conditioning.control import ControlQuestion
from app.inference.model_sampling.families import discrete
from app.inference.models.control.controlnet_shape import ControlNetShape, controlnet_config
from app.inference.models.files.ldm_names import UNetLevel
from app.inference.models.unet.shape import UNetShape, diffusers_config
from app.inference.models.unet.walk import UNet
from app.inference.models.weights import PatchedWeights
from tests.unit.inference.toy_model import one_call

CPU = torch.device("cpu")
SD1 = UNetShape(
    in_channels=4,
    out_channels=4,
    context_width=24,
    middle_depth=1,
    heads=(8, 8, 8, 8),
    levels=(
        UNetLevel(channels=32, blocks=2, depth=1),
        UNetLevel(channels=64, blocks=2, depth=1),
        UNetLevel(channels=96, blocks=2, depth=1),
        UNetLevel(channels=96, blocks=2, depth=0),
    ),
)
SDXL = UNetShape(
    in_channels=4,
    out_channels=4,
    context_width=40,
    middle_depth=2,
    heads=(1, 2, 2),
    levels=(
        UNetLevel(channels=64, blocks=2, depth=0),
        UNetLevel(channels=128, blocks=2, depth=1),
        UNetLevel(channels=128, blocks=2, depth=2),
    ),
    linear=True,
    label_width=20 + 6 * 256,
)
SMALL_SDXL = replace(
    SDXL, levels=tuple(replace(level, depth=0) for level in SDXL.levels), middle_depth=1, heads=(8, 8, 8)
)
HINT_WIDTHS = (16, 24, 32, 40)


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network with weights that keep activations near 1, zero convolutions included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            random = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() > 1:
                parameter.copy_(random / math.sqrt(math.prod(parameter.shape[1:])))
            else:
                parameter.add_(0.05 * random)
    return network.eval()


def unet(shape: UNetShape) -> UNet:
    """A UNet of that shape as models hold it; its `network` is diffusers' own."""
    network: Any = randomised(UNet2DConditionModel(**diffusers_config(shape)), seed=1)
    return UNet(PatchedWeights(network, {}, device=CPU, dtype=torch.float32), shape)


def control_net(shape: UNetShape, *, attention: bool = True) -> ControlNetModel:
    """Diffusers' ControlNet for UNets of that shape."""
    whole = ControlNetShape(unet=shape, hint_channels=3, hint_widths=HINT_WIDTHS, middle_attention=attention)
    network: Any = randomised(ControlNetModel(**controlnet_config(whole)))
    return network


def saved(network: nn.Module | dict[str, Tensor], path: Path) -> Path:
    """A file with the network's tensors under diffusers' names."""
    tensors = network.state_dict() if isinstance(network, nn.Module) else network
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def question(network: UNet, *, batch: int = 1, height: int = 12, width: int = 16) -> ControlQuestion:
    """A UNet of either family about to be fed random numbers, for both sides."""
    random = torch.Generator().manual_seed(2)
    label = network.shape.label_width
    total = 2 * batch
    return ControlQuestion(
        x=torch.randn(total, 4, height, width, generator=random),
        timestep=torch.full((total,), 500.0),
        tokens=torch.randn(total, 7, network.shape.context_width, generator=random),
        label=None if label is None else torch.randn(total, label, generator=random),
        unet=network,
        call=one_call(torch.tensor(5.0), discrete(), height, width, sides=(0, 1)),
    )


def picture(*, batch: int = 1, height: int = 96, width: int = 128) -> Tensor:
    """Random pictures [B, H, W, 3]."""
    return torch.rand(batch, height, width, 3, generator=torch.Generator().manual_seed(3))
