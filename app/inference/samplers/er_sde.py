"""ER-SDE: solvers of up to third order for a family of reverse-time SDEs with adjustable noise.

Cui et al. 2023, "Elucidating the Solution Space of Extended Reverse-Time SDE for Diffusion Models",
algorithms 1 to 5. With e = sigma / alpha (the level when the picture has full size) and a function F that
says how noisy the process is, a step of first order is

    x' = (alpha' / alpha) r x + alpha' (1 - r) D + alpha' sqrt(e'^2 - e^2 r^2) z,   r = F(e') / F(e).

The second stage adds the slope D_d = (D - D_old) / (e - e_old), the third the bend D_u = (D_d - D_d_old) /
((e - e_older) / 2), each with an integral over the step that is summed over POINTS levels p from e' to e:

    + alpha' (dt + F(e') S) D_d,          S = sum 1 / F(p) * (-dt / POINTS),          dt = e' - e
    + alpha' (dt^2 / 2 + F(e') S_u) D_u,  S_u = sum (p - e) / F(p) * (-dt / POINTS).

F(v) = v (exp(v^0.3) + 10) is the paper's ER-SDE 5; v^(1 + eta) the reverse-time SDE with its noise scaled; v
the ODE, where the root above is 0.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.samplers.dpmpp_sde import below_full_noise
from app.inference.types import Latent, Sigmas

POINTS = 200

SolverType = Literal["ER-SDE", "Reverse-time SDE", "ODE"]


def er_sde(
    x: Latent,
    sigmas: Sigmas,
    context: SamplerContext,
    *,
    solver_type: SolverType = "ER-SDE",
    max_stage: int = 3,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> SamplerRun:
    """One question per step.

    `solver_type` chooses F, `max_stage` 1 to 3 the order; `eta` >= 0 is the noise of the reverse-time SDE
    (the others ignore it), `s_noise` >= 0 the size of all noise.
    """
    sampling = context.model_sampling
    noisiness = _noisiness(solver_type, eta)
    deterministic = solver_type == "ODE" or (solver_type == "Reverse-time SDE" and eta == 0)
    noise = None if deterministic or s_noise <= 0 else GaussianNoise(x, context.seed)
    levels = below_full_noise(sigmas, sampling)
    ratios = levels / sampling.alpha(levels)
    denoised_before, slope_before = None, None
    for step, (sigma, sigma_next) in enumerate(pairwise(levels)):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        alpha, alpha_next = sampling.alpha(sigma), sampling.alpha(sigma_next)
        e, e_next = ratios[step], ratios[step + 1]
        r = noisiness(e_next) / noisiness(e)
        x = alpha_next / alpha * r * x + alpha_next * (1 - r) * denoised
        slope = None
        if denoised_before is not None and max_stage >= 2:
            integrals = _Integrals(e, e_next, noisiness)
            slope = (denoised - denoised_before) / (e - ratios[step - 1])
            x = x + alpha_next * integrals.of_slope() * slope
            if slope_before is not None and max_stage >= 3:
                bend = (slope - slope_before) / ((e - ratios[step - 2]) / 2)
                x = x + alpha_next * integrals.of_bend() * bend
        if noise is not None:
            drawn = (e_next**2 - e**2 * r**2).sqrt().nan_to_num(nan=0.0)
            x = x + alpha_next * noise() * s_noise * drawn
        denoised_before, slope_before = denoised, slope
    return x


def _noisiness(solver_type: SolverType, eta: float) -> Callable[[Tensor], Tensor]:
    """F of the solver type."""
    match solver_type:
        case "ER-SDE":
            return lambda v: v * ((v**0.3).exp() + 10)
        case "Reverse-time SDE":
            return lambda v: v ** (1 + eta)
        case "ODE":
            return lambda v: v


class _Integrals:
    """The two integrals over a step from `e` to `e_next`."""

    def __init__(self, e: Tensor, e_next: Tensor, noisiness: Callable[[Tensor], Tensor]) -> None:
        self._dt = e_next - e
        self._piece = -self._dt / POINTS
        self._from_e = e_next + torch.arange(POINTS, device=e.device) * self._piece - e
        self._inverse = 1 / noisiness(self._from_e + e)
        self._end = noisiness(e_next)

    def of_slope(self) -> Tensor:
        """What a unit slope adds."""
        return self._dt + self._inverse.sum() * self._piece * self._end

    def of_bend(self) -> Tensor:
        """What a unit bend adds."""
        return self._dt**2 / 2 + (self._from_e * self._inverse).sum() * self._piece * self._end
