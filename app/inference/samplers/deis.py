"""DEIS: a multistep method whose weights are integrals over the time of a variance-preserving process.

Zhang and Chen 2022, "Fast Sampling of Diffusion Models with Exponential Integrator", tAB-DEIS. The schedule
beta(t) = beta_d t + beta_m on t in (0, 1] is fixed so that sigma runs from 0.002 to 80; then

    alpha_bar(t) = exp(-t^2 beta_d / 2 - t beta_m),   sigma(t)^2 = 1 / alpha_bar(t) - 1,
    t(sigma)     = (sqrt(beta_m^2 + 2 beta_d ln(sigma^2 + 1)) - beta_m) / beta_d.

With slopes d_i = (x_i - D_i) / sigma_i remembered at times t_i, the slope between them is extrapolated by a
polynomial in t and carried to sigma by d sigma / d t:

    x_{i+1} = x_i + sum_j c_j d_{i-j},
    c_j = integral from t_i to t_{i+1} of (tau beta_d + beta_m) / (2 sqrt(A (1 - A))) Lagrange_j(tau) d tau,

A = alpha_bar(tau), summed over POINTS equal pieces. Up to third order, one question per step.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.samplers.ipndm import weighted
from app.inference.types import Latent, Sigmas

SIGMA_FIRST, SIGMA_LAST = 0.002, 80.0  # ends of the process, Karras et al. 2022, table 1
TIME_FIRST = 1e-3
POINTS = 10000
MAX_ORDER = 3

_LOG_FIRST, _LOG_LAST = math.log(SIGMA_FIRST**2 + 1), math.log(SIGMA_LAST**2 + 1)
BETA_D = 2 * (_LOG_FIRST / TIME_FIRST - _LOG_LAST) / (TIME_FIRST - 1)
BETA_M = _LOG_LAST - BETA_D / 2


def deis(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """Euler in the first step, then the weights above."""
    times = _times(sigmas.cpu())
    slopes: list[Latent] = []  # newest first
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        slopes = [(x - denoised) / sigma, *slopes[: MAX_ORDER - 1]]
        if sigma_next == 0:
            x = denoised
        elif len(slopes) == 1:
            x = x + (sigma_next - sigma) * slopes[0]
        else:
            known = times[step - len(slopes) + 1 : step + 1].flip(0)
            x = x + weighted(_weights(known, times[step + 1]), slopes)
    return x


def _times(sigmas: Sigmas) -> Tensor:
    return ((BETA_M**2 + 2 * BETA_D * (sigmas**2 + 1).log()).sqrt() - BETA_M) / BETA_D


def _weights(known: Tensor, end: Tensor) -> list[float]:
    """The integrals c_j for the `known` times, newest first, over the way from the newest to `end`."""
    tau = torch.linspace(known[0].item(), end.item(), POINTS)
    alpha_bar = (-(tau**2) * BETA_D / 2 - tau * BETA_M).exp()
    change = (tau * BETA_D + BETA_M) / 2 / (alpha_bar * (1 - alpha_bar)).sqrt()
    piece = (end - known[0]).item() / POINTS
    integrals: list[float] = []
    for j, own in enumerate(known):
        basis = torch.ones_like(tau)
        for m, other in enumerate(known):
            if m != j:
                basis = basis * (tau - other) / (own - other)
        integrals.append(piece * (change * basis).sum().item())
    return integrals
