"""Where a run's initial noise comes from, as a value; what a NOISE socket carries."""

from dataclasses import dataclass
from typing import Protocol

from app.inference.latents.batch import LatentBatch
from app.inference.noise.generators import initial_noise, no_noise
from app.inference.types import Latent


class NoiseSource(Protocol):
    """Draws the initial noise; samplers that draw noise of their own use its seed too."""

    @property
    def seed(self) -> int:
        """0..2^64-1."""
        ...

    def draw(self, latent: LatentBatch) -> Latent:
        """Noise of the shape of the latent's samples."""
        ...


@dataclass(frozen=True)
class SeededNoise:
    """Standard normal noise of a seed."""

    seed: int

    def draw(self, latent: LatentBatch) -> Latent:
        """The noise of the seed, picture by picture where the latent tells their places in a larger batch."""
        return initial_noise(latent.samples, self.seed, latent.batch_index)


@dataclass(frozen=True)
class NoNoise:
    """Zeros: the latent is noisy already."""

    seed: int = 0

    def draw(self, latent: LatentBatch) -> Latent:
        """Zeros."""
        return no_noise(latent.samples, self.seed)
