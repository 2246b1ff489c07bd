"""A step of the product's walk through the UNet beside diffusers' own forward, on the very same weights.

A tiny UNet shows what Python costs, a full-size one what is left of it. The weights are random. `--size 256`
takes smaller pictures; `--models tiny` measures one network only.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from app.inference.hooks.network import NO_NETWORK_HOOKS, NetworkCall
from app.inference.memory.devices import CPU
from app.inference.model_sampling import families
from app.inference.models.checkpoint import load_checkpoint
from app.inference.models.unet.walk import UNet
from benchmarks.tools.figures import show
from benchmarks.tools.random_models import write_random
from tests.checkpoints import save_tiny

TARGET = 1.03
PAIRS = 5
TINY_STEPS = 20  # so that one figure lasts longer than the clock's noise
SIGMA = 3.0


def main() -> None:
    """Seconds per step of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=["tiny", "sd1"], choices=["tiny", "sd1"])
    parser.add_argument("--size", type=int, default=256, help="side of the pictures in pixels")
    options = parser.parse_args()
    for name in options.models:
        with tempfile.TemporaryDirectory(prefix="comfy-creator-bench-") as folder:
            path = Path(folder) / "model.safetensors"
            if name == "tiny":
                save_tiny(path)
            else:
                write_random(name, path, torch.float32)
            unet = load_checkpoint(path, CPU).diffusion_model.network
            report(name, unet, options.size, steps=TINY_STEPS if name == "tiny" else 1)


@torch.inference_mode()
def report(name: str, unet: UNet, size: int, steps: int) -> None:
    """Measure both on one network in alternation and print medians."""
    x = torch.randn(2, unet.shape.in_channels, size // 8, size // 8)
    context = torch.randn(2, 77, unet.shape.context_width)
    ours(unet, x, context, 1)
    theirs(unet, x, context, 1)
    pairs = [(ours(unet, x, context, steps), theirs(unet, x, context, steps)) for _ in range(PAIRS)]
    ours_s, theirs_s = (statistics.median(values) for values in zip(*pairs, strict=True))
    show(f"{name}, seconds per UNet step at {size} px", ours_s, "s")
    show(f"{name}, the same by diffusers' forward", theirs_s, "s")
    show(f"{name}, ratio of the medians", ours_s / theirs_s, "x", at_most=TARGET)


def ours(unet: UNet, x: Tensor, context: Tensor, steps: int) -> float:
    """Seconds per pass of the product's walk."""
    call = NetworkCall(
        sigma=torch.tensor(SIGMA),
        sides=(0, 1),
        entries=(1, 2),
        height=x.shape[-2],
        width=x.shape[-1],
        model_sampling=families.discrete(),
        memory={},
    )
    timestep = call.model_sampling.timestep(call.sigma).expand(len(x))
    start = perf_counter()
    for _ in range(steps):
        unet(x, timestep, context, None, call, NO_NETWORK_HOOKS)
    return (perf_counter() - start) / steps


def theirs(unet: UNet, x: Tensor, context: Tensor, steps: int) -> float:
    """Seconds per pass of `UNet2DConditionModel.forward`."""
    network: Any = unet.network
    timestep = families.discrete().timestep(torch.tensor(SIGMA))
    start = perf_counter()
    for _ in range(steps):
        network(x, timestep, encoder_hidden_states=context, return_dict=False)
    return (perf_counter() - start) / steps


if __name__ == "__main__":
    main()
