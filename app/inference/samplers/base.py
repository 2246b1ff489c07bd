"""What a sampler is: a generator that asks for denoised predictions; `sample.py` answers."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from app.inference.guidance.guided import Guided
from app.inference.model_sampling import ModelSampling
from app.inference.types import Latent, Sigma, Sigmas


class OptionOutOfRange(ValueError):
    """A sampler cannot work with this option."""

    code = "sampler_option_out_of_range"

    def __init__(self, sampler: str, rule: str) -> None:
        super().__init__(f"{sampler} cannot work with these options: {rule}.")


@dataclass(frozen=True, slots=True)
class Ask:
    """A sampler's question: what does `x` look like without its noise of level `sigma`?

    `step` is the step of the schedule that the answer is for, from 0; some methods ask twice in one step.
    """

    x: Latent
    sigma: Sigma
    step: int


@dataclass(frozen=True, slots=True)
class AskBoth(Ask):
    """The same question of a sampler that also wants to know what the negative side alone would answer."""


SamplerRun: TypeAlias = Generator[Ask, Latent, Latent]
"""Yields questions, receives denoised predictions, returns the final sample."""

GuidedRun: TypeAlias = Generator[AskBoth, Guided, Latent]
"""The same for samplers that ask for both: they receive the guided and the negative prediction."""


@dataclass(frozen=True, kw_only=True)
class SamplerContext:
    """Surroundings of one run: the model's noise levels and the seed of the sampler's own noise."""

    model_sampling: ModelSampling
    seed: int


Method: TypeAlias = Callable[[Latent, Sigmas, SamplerContext], Generator[Ask, Any, Latent]]
"""Starts a `SamplerRun` or `GuidedRun` from the noisy sample at `sigmas[0]`, on the device of the sample."""


def _unchanged(sigmas: Sigmas) -> Sigmas:
    return sigmas


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A method and the rules that schedule and driver keep for it.

    `drops_penultimate_sigma`: the schedule is asked for one step more and loses its last level before 0.
    `prepares`: changes the list of levels before the run. `separate_mask_noise`: the kept part of a masked
    picture gets noise of its own, not the initial noise.
    """

    method: Method
    drops_penultimate_sigma: bool = False
    prepares: Callable[[Sigmas], Sigmas] = _unchanged
    separate_mask_noise: bool = False
