"""Teaches the UNet and the text encoder to turn noise into latents of a caption; used by `__main__.py`."""

from dataclasses import dataclass, field

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from torch import device as Device
from transformers.models.clip.modeling_clip import CLIPTextModel

from app.training.demo_model.captions import SEEN, draw_caption, draw_scene, repeatable
from app.training.demo_model.latents import DefinedLatents
from app.training.demo_model.networks import make_text_network, make_unet, text_states
from app.training.demo_model.pictures import draw_layout, draw_pictures
from app.training.demo_model.training_loop import Stage
from app.training.demo_model.words import compact_batch, used_tokens

UNET_STAGES = (
    Stage(name="unet 64 first", share=0.12, max_steps=1300, rate=1.5e-3),
    Stage(name="unet 64 again", share=0.08, max_steps=700, rate=1.5e-3),
    Stage(name="unet 128", share=0.2, max_steps=2500, rate=1e-3),
    Stage(name="unet 128 places", share=0.25, max_steps=4000, rate=1e-3),
    Stage(name="unet 128 last", share=0.35, max_steps=6000, rate=8e-4),
)
STEPS_OF_NOISE = 1000
_SILENT = 0.1  # share of captions replaced by the empty one, for guidance
_NOISIEST, _NOISIEST_FROM = 0.25, 700  # share of pictures with a noise level of 700 or more
_SNR_LIMIT = 5.0  # min-SNR weighting, Hang et al. 2023


@dataclass(frozen=True, kw_only=True)
class _Batch:
    size: int
    captions: int
    pictures_each: int
    worded: float
    placed: float = 0.5
    """Of the captions with such words, the share that names a place."""
    noisy_weight: float = 1.0
    """Highest weight of pictures that are mostly noise, where places are decided and errors are small."""


_BATCHES = {
    "unet 64 first": _Batch(size=64, captions=16, pictures_each=3, worded=0.15),
    "unet 64 again": _Batch(size=64, captions=16, pictures_each=3, worded=0.2),
    "unet 128": _Batch(size=128, captions=8, pictures_each=2, worded=0.4),
    "unet 128 places": _Batch(
        size=128, captions=16, pictures_each=1, worded=0.7, placed=0.8, noisy_weight=10.0
    ),
    "unet 128 last": _Batch(
        size=128, captions=16, pictures_each=1, worded=0.5, placed=0.75, noisy_weight=6.0
    ),
}


class UNetAndText(nn.Module):
    """Both networks, which learn together."""

    def __init__(self) -> None:
        super().__init__()
        self.unet: UNet2DConditionModel = make_unet()
        self.text: CLIPTextModel = make_text_network(len(used_tokens()))


@dataclass
class _Errors:
    """Sums of squared errors per quarter of the noise levels, since the last report."""

    total: Tensor = field(default_factory=lambda: torch.zeros(4))
    count: Tensor = field(default_factory=lambda: torch.zeros(4))

    def add(self, level: Tensor, error: Tensor) -> None:
        quarter = (level * 4 // STEPS_OF_NOISE).cpu()
        self.total.index_add_(0, quarter, error.detach().cpu())
        self.count.index_add_(0, quarter, torch.ones(len(quarter)))


class UNetLearner:
    """Predicts the noise that was added: the usual epsilon objective over SD1's noise levels."""

    def __init__(self, device: Device) -> None:
        torch.manual_seed(0)
        self._both = UNetAndText().to(device)
        self.network: nn.Module = self._both
        self._latents = DefinedLatents()
        self._device = device
        self._kept = alphas_cumprod().float()
        self._errors = _Errors()

    def loss(self, stage: str, step: int) -> Tensor:
        """Loss of one batch of fresh captions and pictures."""
        batch = _BATCHES[stage]
        chance = repeatable(f"unet {stage} {step}")
        torch.manual_seed(step)
        scenes = [draw_scene(chance, SEEN, batch.worded, batch.placed) for _ in range(batch.captions)]
        captions = ["" if chance.random() < _SILENT else draw_caption(chance, scene) for scene in scenes]
        drawn = [scene for scene in scenes for _ in range(batch.pictures_each)]
        pictures = draw_pictures(drawn, [draw_layout(chance, scene) for scene in drawn], batch.size)
        states = text_states(self._both.text, compact_batch(captions).to(self._device))
        context = states.repeat_interleave(batch.pictures_each, dim=0)
        return self._noise_loss(self._latents(pictures), context, batch.noisy_weight)

    def report(self) -> str:
        """Mean squared errors of the predicted noise for levels 0-249, 250-499, 500-749 and 750-999."""
        means = (self._errors.total / self._errors.count.clamp(min=1)).tolist()
        self._errors = _Errors()
        return "errors by noise level " + " ".join(f"{mean:.4f}" for mean in means)

    def _noise_loss(self, latents: Tensor, context: Tensor, noisy_weight: float) -> Tensor:
        level = draw_levels(len(latents))
        kept = self._kept[level].view(-1, 1, 1, 1)
        noise = torch.randn_like(latents)
        noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
        guess = self._both.unet(
            noisy.to(self._device),
            level.to(self._device),
            encoder_hidden_states=context,
            return_dict=False,
        )[0]
        error = (guess - noise.to(self._device)).square().mean((1, 2, 3))
        self._errors.add(level, error)
        signal_to_noise = (kept / (1 - kept)).flatten()
        weight = _SNR_LIMIT / signal_to_noise.clamp(min=_SNR_LIMIT)
        weight *= (1 / signal_to_noise).clamp(1, noisy_weight)
        return (error * weight.to(self._device)).mean()


def draw_levels(count: int) -> Tensor:
    """Noise levels int64 [count]: uniform, with extra weight on the noisiest, where colours are decided."""
    uniform = torch.randint(0, STEPS_OF_NOISE, (count,))
    noisiest = torch.randint(_NOISIEST_FROM, STEPS_OF_NOISE, (count,))
    return torch.where(torch.rand(count) < _NOISIEST, noisiest, uniform)


def alphas_cumprod() -> Tensor:
    """Share of the signal's power kept at each of SD1's 1,000 levels: float64 [1000]."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, STEPS_OF_NOISE, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, dim=0)
