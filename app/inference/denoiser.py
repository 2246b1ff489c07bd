"""What sampling asks of a diffusion model; `models/diffusion_model.py` answers, guidance and driver ask."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch import device as Device

from app.inference.conditioning.control import Control
from app.inference.conditioning.entry import CondEntry
from app.inference.hooks.guidance import GuidanceHooks
from app.inference.hooks.network import NetworkCall, NetworkHooks
from app.inference.latents.format import LatentFormat
from app.inference.model_sampling import ModelSampling
from app.inference.types import Latent, Mask, Tokens


@dataclass(frozen=True, kw_only=True, eq=False)
class ExtraInputs:
    """What a network takes for one entry besides its text: vector [1, adm], channels [B, n, h8, w8]."""

    label: Tensor | None = None
    channels: Latent | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """All inputs of a network besides the noisy latent, for a whole batch.

    `context` float32 [B, T, width], `label` [B, adm], `channels` [B, n, h8, w8]; `control` is the net
    that all of the batch carries, `control_context` and `control_label` what it is told in place of the
    network's own.
    """

    context: Tokens
    label: Tensor | None = None
    channels: Latent | None = None
    control: Control | None = None
    control_context: Tokens | None = None
    control_label: Tensor | None = None


class Denoiser(Protocol):
    """A diffusion model seen as a function from a noisy latent to its denoised prediction."""

    @property
    def model_sampling(self) -> ModelSampling:
        """Noise levels of the model and what its output means."""
        ...

    @property
    def latent_format(self) -> LatentFormat:
        """How stored latents are mapped to the numbers the network was trained on."""
        ...

    @property
    def channels(self) -> int:
        """Latent channels that the model works on: 4 in SD1, 16 in Flux."""
        ...

    @property
    def device(self) -> Device:
        """Where `denoise` expects its tensors."""
        ...

    @property
    def guidance_hooks(self) -> GuidanceHooks:
        """Changes of guidance that were added to the model."""
        ...

    def extra_inputs(
        self, entry: CondEntry, *, negative: bool, latent: Latent, mask: Mask | None
    ) -> ExtraInputs:
        """What the network takes for an entry besides its text.

        `latent` [B, C, h8, w8] is what is sampled from, in model space, `mask` of its shape the noise mask.
        """
        ...

    def at_work(self) -> AbstractContextManager[None]:
        """Inside this block the model can be called as often as needed; outside it may leave the device."""
        ...

    def denoise(self, x: Latent, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Latent:
        """Predict the picture without noise.

        `x` float32 [B, channels, h8, w8] in model space at the call's level; B counts positive and negative
        copies alike. `hooks` come in addition to the model's. Returns float32 of the shape of `x`.
        """
        ...
