"""Mapping between stored latents and what a diffusion model works on; used by models and the driver."""

from dataclasses import dataclass
from typing import Protocol

import torch

from app.inference.types import Latent


class LatentFormat(Protocol):
    """A pair of inverse maps."""

    def process_in(self, latent: Latent) -> Latent:
        """Stored latent to model space."""
        ...

    def process_out(self, latent: Latent) -> Latent:
        """Model space to stored latent."""
        ...


@dataclass(frozen=True, kw_only=True)
class ScaledLatent:
    """Latents of unit variance: stored value times `scale`."""

    scale: float

    def process_in(self, latent: Latent) -> Latent:
        """Stored latent to model space."""
        return latent * self.scale

    def process_out(self, latent: Latent) -> Latent:
        """Model space to stored latent."""
        return latent / self.scale


@dataclass(frozen=True, kw_only=True)
class StandardisedLatent:
    """Latents whose channels have mean 0 and deviation `deviation`."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    deviation: float

    def process_in(self, latent: Latent) -> Latent:
        """Stored latent to model space."""
        mean, std = (_per_channel(each, latent) for each in (self.mean, self.std))
        return (latent - mean) * self.deviation / std

    def process_out(self, latent: Latent) -> Latent:
        """Model space to stored latent."""
        mean, std = (_per_channel(each, latent) for each in (self.mean, self.std))
        return latent * std / self.deviation + mean


def _per_channel(numbers: tuple[float, ...], latent: Latent) -> Latent:
    return torch.tensor(numbers, device=latent.device, dtype=latent.dtype).view(1, -1, 1, 1)


SDXL_SCALE = 0.13025  # std of the VAE's latents, Podell et al. 2023

SD1_LATENT = ScaledLatent(scale=0.18215)  # std of the VAE's latents, Rombach et al. 2022, section G
SDXL_LATENT = ScaledLatent(scale=SDXL_SCALE)
PLAYGROUND_LATENT = StandardisedLatent(  # as published with Playground v2.5 (Li et al. 2024)
    mean=(-1.6574, 1.886, -1.383, 2.5155), std=(8.4927, 5.9022, 6.5498, 5.2299), deviation=0.5
)
