"""An analytic denoiser whose trajectories were recorded with the reference; used by the sampler tests.

c = 0.9 x/(1+s^2) + 0.3 tanh(x/(1+s)) on the positive side,
u = 0.8 x/(1+s^2) - 0.1 sin(x/(1+s)) on the negative.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from app.inference.conditioning import CondEntry, Conditioning
from app.inference.latent_format import LatentFormat, ScaledLatent
from app.inference.model_sampling import EpsSampling, FlowSampling, ModelSampling

POSITIVE: Conditioning = (CondEntry(tokens=torch.ones(1, 1, 1)),)
NEGATIVE: Conditioning = (CondEntry(tokens=torch.zeros(1, 1, 1)),)

FAMILIES: dict[str, ModelSampling] = {"eps": EpsSampling(), "flow": FlowSampling(mu=1.15)}


@dataclass(kw_only=True)
class ToyModel:
    """Counts its calls; the context says which side each item of the batch is on."""

    model_sampling: ModelSampling
    latent_format: LatentFormat = field(default_factory=lambda: ScaledLatent(scale=1.0))
    channels: int = 4
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    calls: int = 0
    batch_sizes: list[int] = field(default_factory=list)

    def denoise(self, x: Tensor, sigma: Tensor, context: Tensor) -> Tensor:
        self.calls += 1
        self.batch_sizes.append(len(x))
        fallen, squeezed = x / (1 + sigma**2), x / (1 + sigma)
        conditional = 0.9 * fallen + 0.3 * torch.tanh(squeezed)
        unconditional = 0.8 * fallen - 0.1 * torch.sin(squeezed)
        positive = context[:, :1, :1].unsqueeze(-1) > 0.5
        return torch.where(positive, conditional, unconditional)
