"""Sampling put together from parts: a guider, a noise source, a sampler and a list of levels."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from app.inference.denoiser import Denoiser
from app.inference.guidance.guiders import Guider
from app.inference.latents.batch import LatentBatch
from app.inference.noise.sources import NoiseSource
from app.inference.sample import OnStep, sample, with_channels
from app.inference.samplers.base import Sampler
from app.inference.types import Latent, Sigmas


@dataclass(frozen=True, kw_only=True, eq=False)
class Sampled:
    """Where the run ended, and what the model's last answer was; the same where no step ran."""

    output: LatentBatch
    denoised: LatentBatch


def sample_parts(
    guider: Guider,
    noise: NoiseSource,
    sampler: Sampler,
    sigmas: Sigmas,
    latent: LatentBatch,
    *,
    on_step: OnStep | None = None,
    interrupted: Callable[[], bool] | None = None,
) -> Sampled:
    """Walk down `sigmas` from a stored latent; see `sample` for the callbacks and errors."""
    model = guider.model
    start = latent.with_samples(with_channels(latent.samples, model.channels))
    last_answer: Latent | None = None

    def listen(step: int, total: int, denoised: Latent, x: Latent) -> None:
        nonlocal last_answer
        last_answer = denoised
        if on_step is not None:
            on_step(step, total, denoised, x)

    samples = sample(
        guider,
        start.samples,
        noise.draw(start),
        sampler,
        sigmas,
        seed=noise.seed,
        noise_mask=latent.noise_mask,
        on_step=listen,
        interrupted=interrupted,
    )
    denoised = samples
    if last_answer is not None:
        denoised = model.latent_format.process_out(last_answer).float().to(samples.device)
    return Sampled(output=start.with_samples(samples), denoised=start.with_samples(denoised))


@torch.no_grad()
def add_noise(model: Denoiser, noise: NoiseSource, sigmas: Sigmas, latent: LatentBatch) -> LatentBatch:
    """A stored latent with as much noise as the levels span, or as the only one is; none change nothing."""
    if len(sigmas) == 0:
        return latent
    scale = sigmas[0] if len(sigmas) == 1 else (sigmas[0] - sigmas[-1]).abs()
    samples = latent.samples.float()
    if samples.any():
        samples = model.latent_format.process_in(samples)
    noisy = model.model_sampling.noise_scaling(scale, noise.draw(latent), samples, max_denoise=False)
    stored = model.latent_format.process_out(noisy)
    return latent.with_samples(stored.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0))
