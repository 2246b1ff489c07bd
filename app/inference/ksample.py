"""Sampling by names and numbers, as the KSampler nodes ask for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from app.inference.conditioning.entry import Conditioning
from app.inference.denoiser import Denoiser
from app.inference.guidance.guiders import CfgGuider
from app.inference.model_sampling import ModelSampling
from app.inference.noise.generators import initial_noise, no_noise
from app.inference.sample import OnStep, sample, with_channels
from app.inference.samplers.base import Sampler
from app.inference.samplers.registry import SAMPLERS
from app.inference.schedules.schedulers import schedule, share
from app.inference.types import Latent, Mask, Sigmas


@dataclass(frozen=True, kw_only=True)
class SamplingPlan:
    """Which levels are walked, and how.

    `denoise` in 0..1 is the share of the schedule that is run. `start_step` and `end_step` cut a stretch out
    of it; with `leftover_noise` the stretch ends at its own level, otherwise at 0.
    """

    sampler: str
    scheduler: str
    steps: int
    denoise: float = 1.0
    start_step: int = 0
    end_step: int | None = None
    leftover_noise: bool = True


def ksample(
    model: Denoiser,
    latent_image: Latent,
    positive: Conditioning,
    negative: Conditioning,
    plan: SamplingPlan,
    *,
    cfg: float,
    seed: int,
    add_noise: bool = True,
    noise_mask: Mask | None = None,
    batch_index: Sequence[int] | None = None,
    on_step: OnStep | None = None,
    interrupted: Callable[[], bool] | None = None,
) -> Latent:
    """Run the plan from a stored latent to a stored latent [B, C, h8, w8]; see `sample` for the callbacks.

    KeyError for an unknown sampler or scheduler. `seed` is 0..2^64-1; without `add_noise` the latent is taken
    as noisy already.
    """
    latent = with_channels(latent_image, model.channels)
    noise = initial_noise(latent, seed, batch_index) if add_noise else no_noise(latent, seed)
    return sample(
        CfgGuider(model=model, positive=positive, negative=negative, cfg=cfg),
        latent,
        noise,
        SAMPLERS[plan.sampler],
        plan_sigmas(model.model_sampling, plan),
        seed=seed,
        noise_mask=noise_mask,
        on_step=on_step,
        interrupted=interrupted,
    )


def plan_sigmas(model_sampling: ModelSampling, plan: SamplingPlan) -> Sigmas:
    """The levels of a plan; empty where nothing is to be done."""
    sigmas = _share(model_sampling, plan)
    if plan.end_step is not None and plan.end_step < len(sigmas) - 1:
        sigmas = sigmas[: plan.end_step + 1].clone()
        if not plan.leftover_noise:
            sigmas[-1] = 0
    if plan.start_step == 0:
        return sigmas
    return sigmas[plan.start_step :] if plan.start_step < len(sigmas) - 1 else sigmas[:0]


def _share(model_sampling: ModelSampling, plan: SamplingPlan) -> Sigmas:
    """The end of the schedule that `denoise` asks for."""
    sampler = SAMPLERS[plan.sampler]
    return share(
        lambda steps: _levels(model_sampling, sampler, plan.scheduler, steps), plan.steps, plan.denoise
    )


def _levels(model_sampling: ModelSampling, sampler: Sampler, scheduler: str, steps: int) -> Sigmas:
    if not sampler.drops_penultimate_sigma:
        return schedule(scheduler, model_sampling, steps)
    sigmas = schedule(scheduler, model_sampling, steps + 1)
    return torch.cat([sigmas[:-2], sigmas[-1:]])
