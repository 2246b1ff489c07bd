"""Schedulers: rules for the sequence of noise levels; `ksample.py` and the scheduler menus read `SCHEDULERS`.

All lists are float32. Numbers that are plain Python floats before they meet a tensor stay float64 until then.
"""

import math
from collections.abc import Callable
from itertools import groupby

import numpy as np
import torch

from app.inference.model_sampling import ModelSampling
from app.inference.types import Sigmas

Scheduler = Callable[[ModelSampling, int], Sigmas]

RHO = 7.0  # Karras et al. 2022, table 1
BETA_SHAPE = 0.6  # Lee et al. 2024, "Beta Sampling is All You Need"
NEARLY_ZERO = 1e-5


def schedule(name: str, model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Levels for `steps` >= 1 steps by the scheduler of this name; KeyError for an unknown one.

    float32 [steps + 1] on the CPU, falling, ending in 0. `ddim_uniform` and `beta` may differ in length.
    """
    return SCHEDULERS[name](model_sampling, steps)


def simple(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Evenly spaced entries of the model's own table, from the top."""
    table = model_sampling.sigmas
    stride = len(table) / steps
    return _end_in_zero(table[[-(1 + int(i * stride)) for i in range(steps)]])


def normal(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Evenly spaced timesteps, first and last level included."""
    first, last = _timestep_range(model_sampling)
    lowest = model_sampling.sigma(torch.tensor(last))
    if math.isclose(lowest.item(), 0, abs_tol=NEARLY_ZERO):
        return model_sampling.sigma(torch.linspace(first, last, steps + 1))
    return _end_in_zero(model_sampling.sigma(torch.linspace(first, last, steps)))


def sgm_uniform(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Evenly spaced timesteps, without the last level."""
    first, last = _timestep_range(model_sampling)
    return _end_in_zero(model_sampling.sigma(torch.linspace(first, last, steps + 1)[:-1]))


def karras(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Karras et al. 2022, equation 5."""
    top = model_sampling.sigma_max ** (1 / RHO)
    bottom = model_sampling.sigma_min ** (1 / RHO)
    return _end_in_zero((top + torch.linspace(0, 1, steps) * (bottom - top)) ** RHO)


def exponential(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Evenly spaced on the logarithmic scale."""
    first, last = math.log(model_sampling.sigma_max), math.log(model_sampling.sigma_min)
    return _end_in_zero(torch.linspace(first, last, steps).exp())


def ddim_uniform(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Every k-th entry of the table counted from its low end (Song et al. 2021); starts below the top."""
    table = model_sampling.sigmas
    ends_in_zero = math.isclose(table[1].item(), 0, abs_tol=NEARLY_ZERO)
    stride = max(len(table) // (steps + 1 if ends_in_zero else steps), 1)
    rising = table[1::stride]
    return rising.flip(0) if ends_in_zero else _end_in_zero(rising.flip(0))


def beta(model_sampling: ModelSampling, steps: int) -> Sigmas:
    """Entries of the table at quantiles of a symmetric beta distribution, dense at both ends; float64."""
    from scipy.special import betaincinv  # takes a third of a second to import: only who uses it waits

    table = model_sampling.sigmas
    quantiles = betaincinv(BETA_SHAPE, BETA_SHAPE, 1 - np.linspace(0, 1, steps, endpoint=False))
    places = np.rint(quantiles * (len(table) - 1)).astype(int).tolist()
    return _end_in_zero(table[[place for place, _ in groupby(places)]])


def _timestep_range(model_sampling: ModelSampling) -> tuple[float, float]:
    first = model_sampling.timestep(torch.tensor(model_sampling.sigma_max))
    last = model_sampling.timestep(torch.tensor(model_sampling.sigma_min))
    return first.item(), last.item()


def _end_in_zero(sigmas: Sigmas) -> Sigmas:
    return torch.cat([sigmas, sigmas.new_zeros(1)])


SCHEDULERS: dict[str, Scheduler] = {  # in the order of the menus
    "simple": simple,
    "sgm_uniform": sgm_uniform,
    "karras": karras,
    "exponential": exponential,
    "ddim_uniform": ddim_uniform,
    "beta": beta,
    "normal": normal,
}
