"""Models without weights that recorded cases were made with: only their sampling or their blocks matter."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import MISSING, dataclass, fields, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch import device as Device
from torch.nn.functional import avg_pool2d

from app.inference.conditioning.control import ControlQuestion
from app.inference.latents.format import SD1_LATENT, LatentFormat
from app.inference.memory.devices import CPU
from app.inference.model_sampling import ModelSampling, families
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.unet.residuals import Residuals
from app.inference.models.vae.vae import Vae
from app.inference.pictures.images import Image


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
class StubControlNet:
    """A control net that is only attached, never run; `types` are what it was told to expect."""

    takes_mask: bool = False
    types: tuple[int, ...] | None = None

    def with_types(self, types: tuple[int, ...]) -> "StubControlNet":
        return replace(self, types=types)

    def prepared(self, picture: Image, question: ControlQuestion) -> Any:
        raise NotImplementedError

    def residuals(self, prepared: Any, question: ControlQuestion) -> Residuals:
        raise NotImplementedError


@dataclass(frozen=True)
class FormulaCodec:
    """A codec of 8 pixels a cell by formula; `shifted` adds what a tile holds on average to its results."""

    shifted: bool = False
    ratio: int = 8
    latent_channels: int = 4
    device: Device = CPU
    decoding_bytes: int = 0
    encoding_bytes: int = 0

    def at_work(self) -> AbstractContextManager[None]:
        """There is no network to be brought."""
        return nullcontext()

    def make_room(self) -> None:
        """There is nothing to be freed."""

    def encode(self, pixels: Tensor) -> Tensor:
        """Means of 8x8 blocks of channels 0-2, and the mean of the three."""
        latent = avg_pool2d(pixels, 8)
        latent = torch.cat([latent, latent.mean(dim=1, keepdim=True)], dim=1)
        return latent + pixels.mean() if self.shifted else latent

    def decode(self, latent: Tensor) -> Tensor:
        """Channels 0-2 as 8x8 blocks."""
        pixels = latent[:, :3].repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
        return pixels / 3 + latent.mean() if self.shifted else pixels


def stub_vae(ratio: int) -> Vae:
    """The recorded VAE without weights."""
    assert ratio == 8, "a codec by formula has 8 pixels a cell"
    return Vae(codec=FormulaCodec())
