"""SEEDS: exponential solvers for the diffusion SDE of second and third order, with noise inside the step.

Gonzalez et al. 2023, "SEEDS: Exponential SDE Solvers for Fast High-Quality Sampling from Diffusion Models".
With lambda the half log-SNR, h = lambda' - lambda, E(z) = exp(z) - 1 and an inner level at the share r of the
step,

    x_r = (sigma_r / sigma) exp(-r h) x - alpha_r E(-2 r h) D + sigma_r z_r.

The noise of the inner points and of the end belongs to one path: z_r = sqrt(-E(-2 r h)) n_1, and later places
carry it on, z_s = exp((r - s) h) z_r + sqrt(-E(2 (r - s) h)) n_2. Second order (r = 1/2):

    x' = (sigma' / sigma) exp(-h) x - alpha' E(-2 h) (D + (D_r - D) / (2 r)) + sigma' z_1.

Third order (r1 = 1/3, r2 = 2/3), with phi(z) = (E(z) - z) / z:

    a32 = (r2 / r1) phi(-2 r2 h),  a31 = E(-2 r2 h) - a32,  b3 = phi(-2 h) / r2,  b1 = E(-2 h) - b3,
    x_2 = (sigma_2 / sigma) exp(-r2 h) x - alpha_2 (a31 D + a32 D_1) + sigma_2 z_2,
    x'  = (sigma' / sigma) exp(-h) x - alpha' (b1 D + b3 D_2) + sigma' z_3.
"""

from itertools import pairwise

from torch import Tensor

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.samplers.dpmpp_sde import below_full_noise
from app.inference.types import Latent, Sigmas

MIDDLE = 1 / 2
R1, R2 = 1 / 3, 2 / 3


def seeds_2(x: Latent, sigmas: Sigmas, context: SamplerContext) -> SamplerRun:
    """Two questions per step, each with noise of its own."""
    sampling = context.model_sampling
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(below_full_noise(sigmas, sampling))):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        start = sampling.half_log_snr(sigma)
        h = sampling.half_log_snr(sigma_next) - start
        sigma_mid = sampling.sigma_of_half_log_snr(start + MIDDLE * h)
        path = _Path(noise, h)
        x_mid = (
            sigma_mid / sigma * (-MIDDLE * h).exp() * x
            - sampling.alpha(sigma_mid) * (-2 * MIDDLE * h).expm1() * denoised
            + sigma_mid * path.at(MIDDLE)
        )
        denoised_mid = yield Ask(x_mid, sigma_mid, step)
        mixed = denoised + (denoised_mid - denoised) / (2 * MIDDLE)
        x = (
            sigma_next / sigma * (-h).exp() * x
            - sampling.alpha(sigma_next) * (-2 * h).expm1() * mixed
            + sigma_next * path.at(1.0)
        )
    return x


def seeds_3(x: Latent, sigmas: Sigmas, context: SamplerContext) -> SamplerRun:
    """Three questions per step, each with noise of its own."""
    sampling = context.model_sampling
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(below_full_noise(sigmas, sampling))):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        start = sampling.half_log_snr(sigma)
        h = sampling.half_log_snr(sigma_next) - start
        sigma_1, sigma_2 = (sampling.sigma_of_half_log_snr(start + r * h) for r in (R1, R2))
        path = _Path(noise, h)
        x_1 = (
            sigma_1 / sigma * (-R1 * h).exp() * x
            - sampling.alpha(sigma_1) * (-2 * R1 * h).expm1() * denoised
            + sigma_1 * path.at(R1)
        )
        denoised_1 = yield Ask(x_1, sigma_1, step)
        weight_1 = R2 / R1 * _phi(-2 * R2 * h)
        mixed = ((-2 * R2 * h).expm1() - weight_1) * denoised + weight_1 * denoised_1
        x_2 = sigma_2 / sigma * (-R2 * h).exp() * x - sampling.alpha(sigma_2) * mixed + sigma_2 * path.at(R2)
        denoised_2 = yield Ask(x_2, sigma_2, step)
        weight_2 = _phi(-2 * h) / R2
        mixed = ((-2 * h).expm1() - weight_2) * denoised + weight_2 * denoised_2
        x = (
            sigma_next / sigma * (-h).exp() * x
            - sampling.alpha(sigma_next) * mixed
            + sigma_next * path.at(1.0)
        )
    return x


def _phi(z: Tensor) -> Tensor:
    return (z.expm1() - z) / z


class _Path:
    """The noise of one step as it grows along the step."""

    def __init__(self, noise: GaussianNoise, h: Tensor) -> None:
        self._noise = noise
        self._h = h
        self._place = 0.0
        self._value: Latent | None = None

    def at(self, place: float) -> Latent:
        """The noise at a share of the step, later than the one asked for before."""
        back = (self._place - place) * self._h
        drawn = (-(2 * back).expm1()).sqrt() * self._noise()
        self._value = drawn if self._value is None else self._value * back.exp() + drawn
        self._place = place
        return self._value
