"""The sampling driver: answers a sampler's questions with a guided model; called by `ksample.py`."""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn.functional import interpolate

from app.inference.denoiser import Denoiser
from app.inference.guidance.guided import Guided
from app.inference.guidance.guiders import Guider, Predict
from app.inference.guidance.predictions import Run
from app.inference.hooks.guidance import MaskAtStep
from app.inference.model_sampling import ModelSampling
from app.inference.noise.generators import seeded_noise
from app.inference.noise.seeds import following_seed
from app.inference.samplers.base import Ask, AskBoth, Sampler, SamplerContext
from app.inference.types import Latent, Mask, Sigma, Sigmas

OnStep = Callable[[int, int, Latent, Latent], None]
"""(step from 0, total steps, denoised prediction, sample after the step), both in model space."""

TOP_TOLERANCE = 1e-5  # relative distance to sigma_max that still counts as the top of the schedule


class ChannelMismatch(ValueError):
    """The latent was made for another family of models."""

    code = "channel_mismatch"

    def __init__(self, found: int, wanted: int) -> None:
        super().__init__(
            f"The latent has {found} channels but this model works on {wanted}: "
            "use an empty latent or a VAE that belongs to the model."
        )


class MaskOfAnotherSize(ValueError):
    """The sampler changed the size of the sample, so the kept part cannot be put back."""

    code = "mask_of_another_size"

    def __init__(self) -> None:
        super().__init__(
            "This sampler changes the size of the picture and cannot keep a masked part of it: "
            "remove the noise mask or choose another sampler."
        )


class ZeroLevel(ValueError):
    """A noise level other than the last is 0."""

    code = "zero_level"

    def __init__(self) -> None:
        super().__init__(
            "Only the last noise level may be 0: there is nothing to remove where there is no noise. "
            "Use FlipSigmas to turn a list around, or another first level."
        )


@torch.no_grad()
def sample(
    guider: Guider,
    latent_image: Latent,
    noise: Latent,
    sampler: Sampler,
    sigmas: Sigmas,
    *,
    seed: int,
    noise_mask: Mask | None = None,
    on_step: OnStep | None = None,
    interrupted: Callable[[], bool] | None = None,
) -> Latent:
    """Walk the noisy latent down `sigmas` and return the stored latent at their end, on the CPU.

    `latent_image` [B, C, h8, w8] is a stored latent, `noise` of its shape after `with_channels`. `seed` feeds
    the noise that samplers draw themselves. An empty list of levels returns the latent untouched. `on_step`
    hears of every finished step. `interrupted` is asked before every model call; if it says yes, Interrupted
    is raised. ChannelMismatch: the latent is not empty and belongs to another family. ZeroLevel: a level is 0
    that is not the last. MaskOfAnotherSize: the sampler resizes and there is a mask.
    """
    model = guider.model
    if len(sigmas) == 0:
        return latent_image
    if (sigmas[:-1] <= 0).any():
        raise ZeroLevel
    sigmas = sampler.prepares(sigmas.to(model.device, torch.float32))
    latent = _into_model_space(model, with_channels(latent_image, model.channels))
    noise = noise.to(model.device, torch.float32)
    sampling = model.model_sampling
    if sampling.is_flow and sigmas[-1] >= 1:
        return latent_image  # nothing but noise would remain, and no scale could bring the picture back

    keep, mask = None, None
    if noise_mask is not None:
        mask = fit_mask(noise_mask, latent)
        mask_noise = seeded_noise(noise, following_seed(seed)) if sampler.separate_mask_noise else noise
        at_step = model.guidance_hooks.mask_at_step
        keep = _Keep(mask, latent, mask_noise.to(model.device), sampling, sigmas, at_step)
    run = Run(model=model, latent=latent, sigmas=sigmas, mask=mask, interrupted=interrupted)
    answers = _Answers(guider.begin(run), keep)
    start = sampling.noise_scaling(sigmas[0], noise, latent, max_denoise=_starts_at_top(sigmas[0], sampling))
    x = start
    if len(sigmas) > 1:
        steps = sampler.method(start, sigmas, SamplerContext(model_sampling=sampling, seed=seed))
        with model.at_work():
            x = _drive(steps, answers, len(sigmas) - 1, on_step)
    x = sampling.inverse_noise_scaling(sigmas[-1], x)
    return model.latent_format.process_out(x).float().to(latent_image.device)


def with_channels(latent: Latent, channels: int) -> Latent:
    """The latent with the model's number of channels; an empty one is repeated to it.

    Raises ChannelMismatch for a latent with a picture in it that has another number.
    """
    if latent.shape[1] == channels:
        return latent
    if latent.any():
        raise ChannelMismatch(latent.shape[1], channels)
    repeats = math.ceil(channels / latent.shape[1])
    return latent.repeat(1, repeats, 1, 1)[:, :channels]


def fit_mask(mask: Mask, latent: Latent) -> Mask:
    """The mask at the latent's size, for all its channels and pictures: [B, C, h8, w8] on its device."""
    single = mask.reshape(-1, 1, *mask.shape[-2:]).to(latent.device, torch.float32)
    resized = interpolate(single, size=latent.shape[-2:], mode="bilinear")
    batch = resized.repeat(math.ceil(len(latent) / len(resized)), 1, 1, 1)[: len(latent)]
    return batch.expand(-1, latent.shape[1], -1, -1)


def _drive(
    run: Generator[Ask, Any, Latent], answers: "_Answers", total: int, on_step: OnStep | None
) -> Latent:
    """Answer the run's questions until it returns; a step is over when a later one asks or the run ends."""
    report = on_step or _silent
    step, prediction = -1, None
    answer: Latent | Guided | None = None  # the first thing sent to a generator must be None
    while True:
        try:
            ask = run.send(answer)
        except StopIteration as finished:
            x: Latent = finished.value
            if prediction is not None:
                report(total - 1, total, prediction, x)
            return x
        is_new_step = ask.step != step
        if is_new_step and prediction is not None:
            report(step, total, prediction, ask.x)
        guided = answers(ask)
        if is_new_step:
            step, prediction = ask.step, guided.denoised
        answer = guided if isinstance(ask, AskBoth) else guided.denoised


def _silent(_step: int, _total: int, _denoised: Latent, _x: Latent) -> None:
    """Nobody listens."""


def _into_model_space(model: Denoiser, latent: Latent) -> Latent:
    latent = latent.to(model.device, torch.float32)
    return model.latent_format.process_in(latent) if latent.any() else latent


def _starts_at_top(sigma: Sigma, sampling: ModelSampling) -> bool:
    top, first = sampling.sigma_max, sigma.item()
    return first > top or math.isclose(first, top, rel_tol=TOP_TOLERANCE)


@dataclass(frozen=True, slots=True, eq=False)
class _Keep:
    """The part of a picture that must not change: where `mask` is 0."""

    mask: Mask
    latent: Latent
    noise: Latent
    sampling: ModelSampling
    sigmas: Sigmas
    at_step: MaskAtStep | None

    def mask_at(self, sigma: Sigma) -> Mask:
        """The mask of this level; the same at all of them unless a hook of the model changes it."""
        if self.at_step is None:
            return self.mask
        return self.at_step(self.mask, sigma, self.sigmas, self.sampling)

    def before(self, x: Latent, mask: Mask, sigma: Sigma) -> Latent:
        """Show the model the kept part at the right noise level."""
        if x.shape[-2:] != mask.shape[-2:]:
            raise MaskOfAnotherSize
        noisy = self.sampling.noise_scaling(sigma, self.noise, self.latent, max_denoise=False)
        return x * mask + noisy * (1 - mask)

    def after(self, denoised: Latent, mask: Mask) -> Latent:
        """Put the kept part back."""
        return denoised * mask + self.latent * (1 - mask)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Denoised predictions for a sampler: mask, guidance, model, in this order around each other."""

    predict: Predict
    keep: _Keep | None

    def __call__(self, ask: Ask) -> Guided:
        both = isinstance(ask, AskBoth)
        if self.keep is None:
            return self.predict(ask.x, ask.sigma, both=both)
        mask = self.keep.mask_at(ask.sigma)
        guided = self.predict(self.keep.before(ask.x, mask, ask.sigma), ask.sigma, both=both)
        return replace(guided, denoised=self.keep.after(guided.denoised, mask))
