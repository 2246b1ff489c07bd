"""DPM-Solver++ (3M) for the diffusion SDE: third order from two remembered predictions.

The multistep form of third order of the solvers in Lu et al. 2022, "DPM-Solver++", and Gonzalez et al. 2023,
"SEEDS". As in `dpmpp_2m_sde.py`, with g = (1 + eta) h,

    x' = (sigma' / sigma) exp(-eta h) x + alpha' (1 - exp(-g)) D + sigma' sqrt(1 - exp(-2 eta h)) w.

With one earlier prediction D1 and r = h1 / h the slope counts with phi_2 = (exp(-g) - 1) / g + 1:

    + alpha' phi_2 (D - D1) / r.

With two, r0 = h1 / h and r1 = h2 / h, the slope is bent by the second difference, phi_3 = phi_2 / g - 1/2:

    s0 = (D - D1) / r0,  s1 = (D1 - D2) / r1,  b = (s0 - s1) / (r0 + r1),
    + alpha' phi_2 (s0 + r0 b) - alpha' phi_3 b.
"""

from itertools import pairwise

from torch import Tensor

from app.inference.noise.generators import BrownianNoise
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.samplers.dpmpp_sde import below_full_noise
from app.inference.types import Latent, Sigmas


def dpmpp_3m_sde(
    x: Latent,
    sigmas: Sigmas,
    context: SamplerContext,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    tree_on_cpu: bool = True,
) -> SamplerRun:
    """One question per step.

    `eta` >= 0 is the share of new noise, `s_noise` its size; `tree_on_cpu` makes the noise the same on
    every device.
    """
    model_sampling = context.model_sampling
    noise = None
    if eta > 0 and s_noise > 0:
        noise = BrownianNoise(x, sigmas, context.seed, on_cpu=tree_on_cpu)
    memory: list[tuple[Latent, Tensor]] = []  # newest first: prediction, and h of the step from it
    for step, (sigma, sigma_next) in enumerate(pairwise(below_full_noise(sigmas, model_sampling))):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        h = model_sampling.half_log_snr(sigma_next) - model_sampling.half_log_snr(sigma)
        h_eta = h * (eta + 1)
        alpha = model_sampling.alpha(sigma_next)
        x = sigma_next / sigma * (-h * eta).exp() * x - alpha * (-h_eta).expm1() * denoised
        if memory:
            x = x + alpha * _correction(denoised, h, h_eta, memory)
        if noise is not None:
            x = x + noise(sigma, sigma_next) * sigma_next * (-(-2 * h * eta).expm1()).sqrt() * s_noise
        memory = [(denoised, h), *memory[:1]]
    return x


def _correction(denoised: Latent, h: Tensor, h_eta: Tensor, memory: list[tuple[Latent, Tensor]]) -> Latent:
    """What first and second differences of the remembered predictions add."""
    phi_2 = (-h_eta).expm1() / h_eta + 1
    (newer, h_newer), *rest = memory
    r0 = h_newer / h
    slope = (denoised - newer) / r0
    if not rest:
        return phi_2 * slope
    older, h_older = rest[0]
    r1 = h_older / h
    bend = (slope - (newer - older) / r1) / (r0 + r1)
    phi_3 = phi_2 / h_eta - 0.5
    return phi_2 * (slope + bend * r0) - phi_3 * bend
