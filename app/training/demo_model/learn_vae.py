"""Teaches the VAE's decoder to draw defined latents, its encoder to compute them; used by `__main__.py`."""

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch import device as Device

from app.training.demo_model.captions import SEEN, draw_scene, repeatable
from app.training.demo_model.latents import DefinedLatents
from app.training.demo_model.networks import make_vae
from app.training.demo_model.pictures import draw_layout, draw_pictures
from app.training.demo_model.training_loop import Stage

VAE_STAGES = (
    Stage(name="decoder 64", share=0.42, max_steps=4000, rate=2e-3),
    Stage(name="encoder 64", share=0.26, max_steps=1500, rate=2e-3),
    Stage(name="decoder 128", share=0.32, max_steps=4000, rate=1e-3),
)
_SIZE_AND_BATCH = {"decoder 64": (64, 4), "encoder 64": (64, 6), "decoder 128": (128, 2)}
_RADII = (0.35, 0.7)
_WORDED = 0.35
_NOISE = 0.06  # the UNet's latents are never exact
_LOG_VARIANCE = -8.0


class VaeLearner:
    """The loss of the VAE: decoder and encoder are taught apart, both against the defined latents."""

    def __init__(self, device: Device) -> None:
        self._vae = make_vae()
        self.network = cast("nn.Module", self._vae).to(device)  # diffusers hides the type of `to`
        self._latents = DefinedLatents()
        self._device = device
        self._errors: list[float] = []

    def loss(self, stage: str, step: int) -> Tensor:
        """Loss of one batch of fresh pictures."""
        size, batch = _SIZE_AND_BATCH[stage]
        chance = repeatable(f"vae {stage} {step}")
        torch.manual_seed(step)
        scenes = [draw_scene(chance, SEEN, _WORDED) for _ in range(batch)]
        layouts = [draw_layout(chance, scene, _RADII) for scene in scenes]
        pictures = draw_pictures(scenes, layouts, size)
        latents = self._latents(pictures).to(self._device)
        pictures = pictures.to(self._device)
        if stage.startswith("encoder"):
            return self._encoder_loss(pictures, latents)
        return self._decoder_loss(pictures, latents)

    def report(self) -> str:
        """Signal to noise of pictures made from true latents, or the encoder's error."""
        mean = sum(self._errors) / max(1, len(self._errors))
        self._errors.clear()
        return f"mean square error {mean:.5f}, PSNR {10 * math.log10(4 / max(mean, 1e-9)):.1f} dB"

    def _decoder_loss(self, pictures: Tensor, latents: Tensor) -> Tensor:
        noisy: Any = latents + _NOISE * torch.randn_like(latents)  # Any: diffusers declares a CPU type
        error = self._vae.decode(noisy, return_dict=False)[0] - pictures
        square = error.square().mean()
        self._errors.append(square.item())
        return square + error.abs().mean()

    def _encoder_loss(self, pictures: Tensor, latents: Tensor) -> Tensor:
        posterior = self._vae.encode(pictures, return_dict=False)[0]
        square = (posterior.mean - latents).square().mean()
        self._errors.append(square.item())
        return square + 1e-3 * (posterior.logvar - _LOG_VARIANCE).square().mean()
