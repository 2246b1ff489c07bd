"""Models without weights that recorded cases were made with: only their sampling or their blocks matter."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import partial
from typing import Any

import torch
from torch import Tensor

from app.inference.latent_format import SD1_LATENT, LatentFormat
from app.inference.model_sampling import ModelSampling, families
from app.inference.models.diffusion_model import DiffusionModel


@dataclass(frozen=True, kw_only=True)
class _ShiftedLatent:
    """Latents less their mean, times a factor."""

    shift: float
    scale: float

    def process_in(self, latent: Tensor) -> Tensor:
        return (latent - self.shift) * self.scale

    def process_out(self, latent: Tensor) -> Tensor:
        return latent / self.scale + self.shift


SAMPLINGS: dict[str, tuple[Callable[[], ModelSampling], LatentFormat | None]] = {
    "sd1_eps": (families.discrete, SD1_LATENT),
    "sd3": (partial(families.shifted_flow, 3.0), None),
    "flux": (families.flux, _ShiftedLatent(shift=0.1159, scale=0.3611)),
    "cascade": (partial(families.cascade, 2.0), None),
}


def stub_model(sampling: str) -> DiffusionModel:
    """A model without network that has the sampling and latent format of a family."""
    model_sampling, latent_format = SAMPLINGS[sampling]
    parts: dict[str, Any] = {
        each.name: None
        for each in fields(DiffusionModel)
        if each.init and each.default is MISSING and each.default_factory is MISSING
    }
    parts |= {"model_sampling": model_sampling(), "latent_format": latent_format}
    return DiffusionModel(**parts)


@dataclass(frozen=True)
class _StubVae:
    ratio: int

    def encode(self, image: Tensor) -> Tensor:
        """Means of 8x8 blocks of channels 0-2 times 2 minus 1, and the mean of the three."""
        height, width = (side // 8 * 8 for side in image.shape[1:3])
        top, left = image.shape[1] % 8 // 2, image.shape[2] % 8 // 2
        pixels = image[:, top : top + height, left : left + width, :3]
        blocks = pixels.reshape(len(pixels), height // 8, 8, width // 8, 8, 3).mean(dim=(2, 4))
        latent = blocks.movedim(-1, 1) * 2 - 1
        return torch.cat([latent, latent.mean(dim=1, keepdim=True)], dim=1)

    def decode(self, latent: Tensor) -> Tensor:
        """Channels 0-2 as 8x8 blocks of (v+1)/2; a film gives one picture per frame."""
        if latent.dim() == 5:
            latent = latent.movedim(2, 1).flatten(0, 1)
        pixels = latent[:, :3].repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
        return ((pixels + 1) / 2).clamp(0, 1).movedim(1, -1)


def stub_vae(ratio: int) -> Any:
    """A VAE by formula; `ratio` is only what it tells."""
    return _StubVae(ratio)
