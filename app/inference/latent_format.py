"""Mapping between stored latents and what a diffusion model works on; used by models and the driver."""

from dataclasses import dataclass
from typing import Protocol

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


SD1_LATENT = ScaledLatent(scale=0.18215)  # std of the VAE's latents, Rombach et al. 2022, section G
