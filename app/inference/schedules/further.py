"""Sequences of noise levels that only scheduler nodes make: other curves, and tables for certain models.

All lists are float32 on the CPU; `schedules/schedulers.py` holds those of the menus.
"""

import math
from typing import Literal

import numpy as np
import torch

from app.inference.model_sampling import LevelsOutOfRange, ModelSampling
from app.inference.schedules.schedulers import EXPONENTIAL_RANGE, end_in_zero
from app.inference.types import Sigmas

TURBO_STEPS = 10  # SDXL Turbo was distilled on every hundredth timestep; Sauer et al. 2023
LAPLACE_EPSILON = 1e-5

# Sabour et al. 2024, "Align Your Steps", the published levels of ten optimised steps
ALIGNED_LEVELS = {
    "SD1": (
        14.6146412293,
        6.4745760956,
        3.8636745985,
        2.6946151520,
        1.8841921177,
        1.3943805092,
        0.9642583904,
        0.6523686016,
        0.3977456272,
        0.1515232662,
        0.0291671582,
    ),
    "SDXL": (
        14.6146412293,
        6.3184485287,
        3.7681790315,
        2.1811480769,
        1.3405244945,
        0.8620721141,
        0.5550693289,
        0.3798540708,
        0.2332364134,
        0.1114188177,
        0.0291671582,
    ),
    "SVD": (700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002),
}


def polyexponential(sigma_max: float, sigma_min: float, steps: int, rho: float) -> Sigmas:
    """Exponential with the shares of the way raised to `rho`, then 0; LevelsOutOfRange at levels <= 0."""
    if sigma_max <= 0 or sigma_min <= 0:
        raise LevelsOutOfRange(EXPONENTIAL_RANGE)
    shares = torch.linspace(1, 0, steps) ** rho
    lowest, highest = math.log(sigma_min), math.log(sigma_max)
    return end_in_zero((shares * (highest - lowest) + lowest).exp())


def variance_preserving(beta_d: float, beta_min: float, eps_s: float, steps: int) -> Sigmas:
    """Evenly spaced times from 1 to `eps_s` of the VP process, then 0; Song et al. 2021, in sigma.

    sigma(t) = sqrt(exp(beta_d t^2 / 2 + beta_min t) - 1).
    """
    times = torch.linspace(1, eps_s, steps)
    return end_in_zero((beta_d * times**2 / 2 + beta_min * times).expm1().sqrt())


def laplace(sigma_max: float, sigma_min: float, steps: int, mu: float, beta: float) -> Sigmas:
    """Quantiles of a Laplace distribution over ln sigma, clamped; Hang et al. 2024. Ends at the last level.

    `mu` is the ln sigma where levels are densest and `beta` their spread. No 0 is appended: `steps` levels
    make one step less.
    """
    shares = torch.linspace(0, 1, steps)
    distance = 0.5 - shares
    logs = mu - beta * distance.sign() * (1 - 2 * distance.abs() + LAPLACE_EPSILON).log()
    return logs.exp().clamp(sigma_min, sigma_max)


def sd_turbo(model_sampling: ModelSampling, steps: int, denoise: float) -> Sigmas:
    """Timesteps 999, 899, ... 99, from the one that `denoise` (0..1) asks for, at most `steps`, then 0."""
    first = TURBO_STEPS - int(TURBO_STEPS * denoise)
    timesteps = torch.arange(TURBO_STEPS, 0, -1) * 100 - 1
    return end_in_zero(model_sampling.sigma(timesteps[first : first + steps].float()))


def align_your_steps(family: Literal["SD1", "SDXL", "SVD"], steps: int, denoise: float) -> Sigmas:
    """Levels optimised for a family, log-linear between them for other numbers of steps than ten.

    Below a `denoise` (0..1) of 1 only the last round(steps * denoise) steps are left. float64 until the end.
    """
    kept = round(steps * denoise)
    if denoise <= 0:
        return torch.empty(0)
    logs = np.log(np.array(ALIGNED_LEVELS[family]))
    wanted, known = np.linspace(0, 1, steps + 1), np.linspace(0, 1, len(logs))
    levels = torch.from_numpy(np.exp(np.interp(wanted, known, logs))).float()[-(kept + 1) :]
    levels[-1] = 0
    return levels
