"""The value of a LATENT socket: what latent nodes, samplers and VAE nodes hand to each other."""

from dataclasses import dataclass, replace

from app.inference.types import Latent, Mask


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentBatch:
    """Stored latents (before the model's own scaling) and what goes with them.

    `samples` float32 [B, C, h8, w8]; `noise_mask` float32 [N, 1, H, W], 1 = may change, in any size, since
    the sampler fits it; `batch_index` tells which noise of a larger batch each picture uses.
    """

    samples: Latent
    noise_mask: Mask | None = None
    batch_index: tuple[int, ...] | None = None

    def with_samples(self, samples: Latent) -> "LatentBatch":
        """The same batch with other numbers; mask and indices stay as they are."""
        return replace(self, samples=samples)
