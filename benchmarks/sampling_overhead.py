"""What a sampler step costs beside the model: every sampler on a denoiser that does next to nothing."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import Tensor

from app.inference.conditioning.entry import CondEntry
from app.inference.denoiser import ExtraInputs, Feed
from app.inference.hooks.guidance import NO_GUIDANCE_HOOKS, GuidanceHooks
from app.inference.hooks.network import NetworkCall, NetworkHooks
from app.inference.ksample import SamplingPlan, ksample
from app.inference.latents.format import SD1_LATENT, LatentFormat
from app.inference.model_sampling import ModelSampling, families
from app.inference.samplers.registry import SAMPLERS
from benchmarks.tools.figures import show

TARGET_MS = 2.0
STEPS = 50
SIDES = {
    16: TARGET_MS,
    64: None,
}  # latents of 128 px, as the demo model draws, and of 512 px, with their targets


@dataclass(kw_only=True)
class FreeModel:
    """Predicts a fraction of its input and keeps the time that this took."""

    model_sampling: ModelSampling = field(default_factory=families.discrete)
    latent_format: LatentFormat = SD1_LATENT
    channels: int = 4
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    seconds: float = 0.0

    guidance_hooks: GuidanceHooks = NO_GUIDANCE_HOOKS

    def extra_inputs(
        self, entry: CondEntry, *, negative: bool, latent: Tensor, mask: Tensor | None
    ) -> ExtraInputs:
        """None."""
        return ExtraInputs()

    def at_work(self) -> AbstractContextManager[None]:
        """Nothing to do."""
        return nullcontext()

    def denoise(self, x: Tensor, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Tensor:
        """A fraction of `x`."""
        start = perf_counter()
        prediction = x / (1 + call.sigma)
        self.seconds += perf_counter() - start
        return prediction


def overhead_ms(sampler: str, side: int) -> float:
    """Milliseconds per step outside the model."""
    text = (CondEntry(tokens=torch.zeros(1, 77, 768)),)
    latent = torch.zeros(1, 4, side, side)
    model = FreeModel()
    plan = SamplingPlan(sampler=sampler, scheduler="karras", steps=STEPS)
    start = perf_counter()
    ksample(model, latent, text, text, plan, cfg=7.0, seed=1)
    return (perf_counter() - start - model.seconds) / STEPS * 1000


def main() -> None:
    """One figure per sampler. dpmpp_sde pays for its Brownian tree, some 45 draws per question."""
    for side, target in SIDES.items():
        for sampler in SAMPLERS:
            overhead_ms(sampler, side)
            best = min(overhead_ms(sampler, side) for _ in range(3))
            show(f"{sampler}, overhead per step at {side} x {side}", best, "ms", at_most=target)


if __name__ == "__main__":
    main()
