"""The schedulers of the menus: rules for the sequence of noise levels; `ksample.py` reads `SCHEDULERS`.

All lists are float32. Numbers that are plain Python floats before they meet a tensor stay float64 until then.
"""

import math
from collections.abc import Callable
from itertools import groupby

import numpy as np
import torch

from app.inference.model_sampling import LevelsOutOfRange, ModelSampling
from app.inference.types import Sigmas

Scheduler = Callable[[ModelSampling, int], Sigmas]

RHO = 7.0  # Karras et al. 2022, table 1
BETA_SHAPE = 0.6  # Lee et al. 2024, "Beta Sampling is All You Need"
NEARLY_ZERO = 1e-5
EXPONENTIAL_RANGE = "sigma_min and sigma_max must be above 0 for an exponential schedule"
LINEAR_END = 0.025  # share of the noise that the linear half of `linear_quadratic` removes
FULL_DENOISE = 0.9999  # shares above it run the whole schedule


def schedule(name: str, model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Levels for `steps` >= 1 steps by the scheduler of this name; KeyError for an unknown one.

    float32 [steps + 1] on the CPU, falling, ending in 0. `ddim_uniform` and `beta` may differ in length.
    """
    return SCHEDULERS[name](model_sampling, steps)


def share(levels: Callable[[int], Sigmas], steps: int, denoise: float) -> Sigmas:
    """The last `steps` steps of a schedule of which they are the share `denoise` (0..1).

    `levels` makes the schedule of a number of steps. Nothing for a share of 0 or less.
    """
    if denoise <= 0:
        return torch.empty(0)
    if denoise > FULL_DENOISE:
        return levels(steps)
    return levels(int(steps / denoise))[-(steps + 1) :]


def simple(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Evenly spaced entries of the model's own table, from the top."""
    table = model_sampling.sigmas
    stride = len(table) / steps
    return end_in_zero(table[[-(1 + int(i * stride)) for i in range(steps)]])


def normal(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Evenly spaced timesteps, first and last level included."""
    first, last = _timestep_range(model_sampling)
    lowest = model_sampling.sigma(torch.tensor(last))
    if math.isclose(lowest.item(), 0, abs_tol=NEARLY_ZERO):
        return model_sampling.sigma(torch.linspace(first, last, steps + 1))
    return end_in_zero(model_sampling.sigma(torch.linspace(first, last, steps)))


def sgm_uniform(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Evenly spaced timesteps, without the last level."""
    first, last = _timestep_range(model_sampling)
    return end_in_zero(model_sampling.sigma(torch.linspace(first, last, steps + 1)[:-1]))


def karras(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Karras et al. 2022, equation 5."""
    return karras_between(model_sampling.sigma_max, model_sampling.sigma_min, steps, RHO)


def karras_between(sigma_max: float, sigma_min: float, steps: int, rho: float) -> Sigmas:
    """The same between two levels: evenly spaced in the `rho`-th root, then 0.

    LevelsOutOfRange unless `rho` > 0.
    """
    if rho <= 0:
        raise LevelsOutOfRange("rho must be above 0")
    top, bottom = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return end_in_zero((top + torch.linspace(0, 1, steps) * (bottom - top)) ** rho)


def exponential(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Evenly spaced on the logarithmic scale."""
    return exponential_between(model_sampling.sigma_max, model_sampling.sigma_min, steps)


def exponential_between(sigma_max: float, sigma_min: float, steps: int) -> Sigmas:
    """The same between two levels, then 0; LevelsOutOfRange unless both are > 0."""
    if sigma_max <= 0 or sigma_min <= 0:
        raise LevelsOutOfRange(EXPONENTIAL_RANGE)
    return end_in_zero(torch.linspace(math.log(sigma_max), math.log(sigma_min), steps).exp())


def ddim_uniform(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Every k-th entry of the table counted from its low end (Song et al. 2021); starts below the top."""
    table = model_sampling.sigmas
    ends_in_zero = math.isclose(table[1].item(), 0, abs_tol=NEARLY_ZERO)
    stride = max(len(table) // (steps + 1 if ends_in_zero else steps), 1)
    rising = table[1::stride]
    return rising.flip(0) if ends_in_zero else end_in_zero(rising.flip(0))


def beta(
    model_sampling: ModelSampling, steps: int, alpha: float = BETA_SHAPE, beta: float = BETA_SHAPE
) -> Sigmas:
    """Entries of the table at quantiles of a beta distribution, float64.

    The symmetric one below 1 is dense at both ends. LevelsOutOfRange unless both parameters are > 0.
    """
    if alpha <= 0 or beta <= 0:
        raise LevelsOutOfRange("alpha and beta must be above 0")
    from scipy.special import betaincinv  # takes a third of a second to import: only who uses it waits

    table = model_sampling.sigmas
    quantiles = betaincinv(alpha, beta, 1 - np.linspace(0, 1, steps, endpoint=False))
    places = np.rint(quantiles * (len(table) - 1)).astype(int).tolist()
    return end_in_zero(table[[place for place, _ in groupby(places)]])


def linear_quadratic(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """A linear half in small steps, then a parabola that meets it smoothly and ends in 0.

    Polyak et al. 2024, "Movie Gen": the share p of the noise that is gone rises by
    LINEAR_END / l in each of the first l = n // 2 steps and as q i^2 + c i + k from there, with the same
    value and slope at the seam; sigma = (1 - p) * sigma_max.
    """
    if steps == 1:
        return torch.tensor([1.0, 0.0]) * model_sampling.sigma_max
    linear = steps // 2
    rest = steps - linear
    excess = linear - LINEAR_END * steps
    q = excess / (linear * rest**2)
    c = LINEAR_END / linear - 2 * excess / rest**2
    k = q * linear**2
    gone = [i * LINEAR_END / linear for i in range(linear)]
    gone += [q * i**2 + c * i + k for i in range(linear, steps)]
    return torch.tensor([*(1 - p for p in gone), 0.0]) * model_sampling.sigma_max


def kl_optimal(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Evenly spaced angles between picture and noise, tan(angle) = sigma; Sabour et al. 2024."""
    if steps == 1:
        return torch.tensor([model_sampling.sigma_max, 0.0])
    shares = torch.arange(steps, dtype=torch.float32) / (steps - 1)
    lowest, highest = math.atan(model_sampling.sigma_min), math.atan(model_sampling.sigma_max)
    return end_in_zero((shares * lowest + (1 - shares) * highest).tan())


def end_in_zero(sigmas: Sigmas) -> Sigmas:
    """The list with a 0 appended."""
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def _timestep_range(model_sampling: ModelSampling) -> tuple[float, float]:
    first = model_sampling.timestep(torch.tensor(model_sampling.sigma_max))
    last = model_sampling.timestep(torch.tensor(model_sampling.sigma_min))
    return first.item(), last.item()


SCHEDULERS: dict[str, Scheduler] = {  # in the order of the menus
    "simple": simple,
    "sgm_uniform": sgm_uniform,
    "karras": karras,
    "exponential": exponential,
    "ddim_uniform": ddim_uniform,
    "beta": beta,
    "normal": normal,
    "linear_quadratic": linear_quadratic,
    "kl_optimal": kl_optimal,
}
