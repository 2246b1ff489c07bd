"""An analytic denoiser whose trajectories were recorded with the reference; used by the sampler tests.

c = 0.9 x/(1+s^2) + 0.3 tanh(x/(1+s)) on the positive side,
u = 0.8 x/(1+s^2) - 0.1 sin(x/(1+s)) on the negative.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor

from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.denoiser import ExtraInputs, Feed
from app.inference.guidance.guiders import CfgGuider
from app.inference.hooks.guidance import NO_GUIDANCE_HOOKS, GuidanceHooks
from app.inference.hooks.network import NetworkCall, NetworkHooks
from app.inference.latents.format import LatentFormat, ScaledLatent
from app.inference.model_sampling import ModelSampling, families

POSITIVE: Conditioning = (CondEntry(tokens=torch.ones(1, 1, 1)),)
NEGATIVE: Conditioning = (CondEntry(tokens=torch.zeros(1, 1, 1)),)

FAMILIES: dict[str, ModelSampling] = {"eps": families.discrete("eps"), "flow": families.flux(mu=1.15)}


@dataclass(kw_only=True)
class ToyModel:
    """Counts its calls; the context says which side each item of the batch is on."""

    model_sampling: ModelSampling
    latent_format: LatentFormat = field(default_factory=lambda: ScaledLatent(scale=1.0))
    channels: int = 4
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    calls: int = 0
    batch_sizes: list[int] = field(default_factory=list)

    guidance_hooks: GuidanceHooks = NO_GUIDANCE_HOOKS

    def extra_inputs(
        self, entry: CondEntry, *, negative: bool, latent: Tensor, mask: Tensor | None
    ) -> ExtraInputs:
        return ExtraInputs()

    def at_work(self) -> AbstractContextManager[None]:
        return nullcontext()

    def denoise(self, x: Tensor, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Tensor:
        sigma, context = call.sigma, feed.context
        self.calls += 1
        self.batch_sizes.append(len(x))
        fallen, squeezed = x / (1 + sigma**2), x / (1 + sigma)
        conditional = 0.9 * fallen + 0.3 * torch.tanh(squeezed)
        unconditional = 0.8 * fallen - 0.1 * torch.sin(squeezed)
        positive = context[:, :1, :1].unsqueeze(-1) > 0.5
        return torch.where(positive, conditional, unconditional)


def guider(
    model: ToyModel,
    cfg: float = 2.0,
    positive: Conditioning = POSITIVE,
    negative: Conditioning = NEGATIVE,
) -> CfgGuider:
    return CfgGuider(model=model, positive=positive, negative=negative, cfg=cfg)


def one_call(
    sigma: Tensor,
    model_sampling: ModelSampling,
    height: int = 0,
    width: int = 0,
    sides: tuple[int, ...] = (0,),
) -> NetworkCall:
    """A network call outside any run."""
    return NetworkCall(
        sigma=sigma,
        sides=sides,
        entries=tuple(range(len(sides))),
        height=height,
        width=width,
        model_sampling=model_sampling,
        memory={},
    )
