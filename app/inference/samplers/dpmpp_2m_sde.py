"""DPM-Solver++ (2M) for the diffusion SDE: one question per step, noise from one Brownian path.

Lu et al. 2022, "DPM-Solver++", SDE-DPM-Solver++(2M). With lambda the half log-SNR, h = lambda' - lambda,
g = (1 + eta) h and w the scaled Brownian increment,

    x' = (sigma' / sigma) exp(-eta h) x + alpha' (1 - exp(-g)) D + sigma' sqrt(1 - exp(-2 eta h)) w,

and from the second step on the change of the prediction, with r = h_old / h:

    midpoint:  + alpha' (1 - exp(-g)) / 2 (D - D_old) / r
    heun:      + alpha' (1 - (1 - exp(-g)) / g) (D - D_old) / r.
"""

from itertools import pairwise
from typing import Literal

from app.inference.noise.generators import BrownianNoise
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.samplers.dpmpp_sde import below_full_noise
from app.inference.types import Latent, Sigmas


def dpmpp_2m_sde(
    x: Latent,
    sigmas: Sigmas,
    context: SamplerContext,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    solver_type: Literal["midpoint", "heun"] = "midpoint",
    tree_on_cpu: bool = True,
) -> SamplerRun:
    """One question per step; `solver_type` says how the memory is weighed.

    `eta` >= 0 is the share of new noise, `s_noise` its size; `tree_on_cpu` makes the noise the same on
    every device.
    """
    model_sampling = context.model_sampling
    noise = None
    if eta > 0 and s_noise > 0:
        noise = BrownianNoise(x, sigmas, context.seed, on_cpu=tree_on_cpu)
    denoised_before, h_before = None, None
    for step, (sigma, sigma_next) in enumerate(pairwise(below_full_noise(sigmas, model_sampling))):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        h = model_sampling.half_log_snr(sigma_next) - model_sampling.half_log_snr(sigma)
        h_eta = h * (eta + 1)
        reached = -(-h_eta).expm1()
        alpha = model_sampling.alpha(sigma_next)
        x = sigma_next / sigma * (-h * eta).exp() * x + alpha * reached * denoised
        if denoised_before is not None and h_before is not None:
            weight = reached / 2 if solver_type == "midpoint" else reached / -h_eta + 1
            x = x + alpha * weight * (h / h_before) * (denoised - denoised_before)
        if noise is not None:
            x = x + noise(sigma, sigma_next) * sigma_next * (-(-2 * h * eta).expm1()).sqrt() * s_noise
        denoised_before, h_before = denoised, h
    return x
