"""DPM-Solver++ for the diffusion SDE: two questions per step and noise from one Brownian path.

Lu et al. 2022, "DPM-Solver++", the singlestep solver, on the SDE. lambda is the half log-SNR ln(alpha /
sigma). A stride from lambda to a level with alpha_t goes, in sigma / alpha, down to `down` and back by `up`
(`ancestral.py`); with h = -ln down - lambda and w the scaled Brownian increment between both levels,

    S(lambda_t, D) = (alpha_t / alpha) exp(-h) x + alpha_t (1 - exp(-h)) D + alpha_t up w.

The step is made twice from the same x: to the inner point lambda + r (lambda' - lambda) with D, and to the
end with the mixture of the answers at both places,

    (1 - 1 / (2 r)) D + 1 / (2 r) D_r.
"""

from itertools import pairwise

import torch

from app.inference.model_sampling import ModelSampling
from app.inference.noise.generators import BrownianNoise
from app.inference.samplers.ancestral import ancestral_split
from app.inference.samplers.base import Ask, OptionOutOfRange, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigma, Sigmas


def dpmpp_sde(
    x: Latent,
    sigmas: Sigmas,
    context: SamplerContext,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r: float = 0.5,
    tree_on_cpu: bool = True,
) -> SamplerRun:
    """Two questions per step.

    `eta` >= 0 is the share of new noise, `s_noise` its size, `r` > 0 the place of the inner point;
    `tree_on_cpu` makes the noise the same on every device. OptionOutOfRange: `r` is not above 0.
    """
    if r <= 0:
        raise OptionOutOfRange("dpmpp_sde", "r, the place of the inner point, must be above 0")
    model_sampling = context.model_sampling
    noise = None
    if eta > 0 and s_noise > 0:
        noise = BrownianNoise(x, sigmas, context.seed, on_cpu=tree_on_cpu)
    for step, (sigma, sigma_next) in enumerate(pairwise(below_full_noise(sigmas, model_sampling))):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        start, end = model_sampling.half_log_snr(sigma), model_sampling.half_log_snr(sigma_next)
        sigma_mid = model_sampling.sigma_of_half_log_snr(start + r * (end - start))

        middle, up = _walk(x, denoised, sigma, sigma_mid, eta, model_sampling)
        if noise is not None:
            middle = middle + noise(sigma, sigma_mid) * s_noise * up
        denoised_mid = yield Ask(middle, sigma_mid, step)

        mixed = (1 - 1 / (2 * r)) * denoised + 1 / (2 * r) * denoised_mid
        x, up = _walk(x, mixed, sigma, sigma_next, eta, model_sampling)
        if noise is not None:
            x = x + noise(sigma, sigma_next) * s_noise * up
    return x


def below_full_noise(sigmas: Sigmas, model_sampling: ModelSampling) -> Sigmas:
    """A flow model's log-SNR is undefined at full noise: start a ten-thousandth of the schedule below it."""
    if not model_sampling.is_flow or len(sigmas) < 2 or sigmas[0] < 1:
        return sigmas
    return torch.cat([sigmas.new_tensor([model_sampling.percent_to_sigma(1e-4)]), sigmas[1:]])


def _walk(
    x: Latent,
    denoised: Latent,
    sigma: Sigma,
    sigma_next: Sigma,
    eta: float,
    model_sampling: ModelSampling,
) -> tuple[Latent, Sigma]:
    """Exponential step towards `denoised`, and the level of the noise that is still to be added."""
    start, end = model_sampling.half_log_snr(sigma), model_sampling.half_log_snr(sigma_next)
    alpha, alpha_next = model_sampling.alpha(sigma), model_sampling.alpha(sigma_next)
    split = ancestral_split(start.neg().exp(), end.neg().exp(), eta)
    h = split.down.log().neg() - start
    moved = alpha_next / alpha * h.neg().exp() * x - alpha_next * h.neg().expm1() * denoised
    return moved, alpha_next * split.up
