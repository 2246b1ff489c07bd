"""DPM-Solver++ (2S) with ancestral noise: a midpoint step down, then new noise.

Lu et al. 2022, "DPM-Solver++", algorithm 1 with r = 1/2, down to the level `down` of `ancestral.py`. With
lambda = -ln sigma, h = lambda(down) - lambda(sigma) and sigma_m in the middle of both,

    x_m = (sigma_m / sigma) x + (1 - exp(-h / 2)) D,
    x'  = (down / sigma) x + (1 - exp(-h)) D(x_m, sigma_m) + up z.

On rectified flow the middle is that of the log-SNR ln((1 - sigma) / sigma), the exponentials become shares k
of x and 1 - k of D, and the result is scaled before noise is added.
"""

from itertools import pairwise

from app.inference.model_sampling import ModelSampling
from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.ancestral import ancestral_split, flow_split
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigma, Sigmas

BELOW_FULL_NOISE = 0.9999  # middle of a step from 1, where a flow model's log-SNR is undefined


def dpmpp_2s_ancestral(
    x: Latent, sigmas: Sigmas, context: SamplerContext, *, eta: float = 1.0, s_noise: float = 1.0
) -> SamplerRun:
    """Two questions per step; `eta` >= 0 is the share of new noise, `s_noise` its size."""
    walk = _flow if context.model_sampling.is_flow else _variance_exploding
    return walk(x, sigmas, context, eta, s_noise)


def _variance_exploding(
    x: Latent, sigmas: Sigmas, context: SamplerContext, eta: float, s_noise: float
) -> SamplerRun:
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        split = ancestral_split(sigma, sigma_next, eta)
        if split.down == 0:
            x = denoised
        else:
            h = sigma.log() - split.down.log()
            middle = (sigma.log() - h / 2).exp()
            x_middle = middle / sigma * x - (-h / 2).expm1() * denoised
            denoised = yield Ask(x_middle, middle, step)
            x = split.down / sigma * x - (-h).expm1() * denoised
        if sigma_next > 0:
            x = x + noise() * s_noise * split.up
    return x


def _flow(x: Latent, sigmas: Sigmas, context: SamplerContext, eta: float, s_noise: float) -> SamplerRun:
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        split = flow_split(sigma, sigma_next, eta)
        middle = _flow_middle(sigma, split.down, context.model_sampling)
        kept = middle / sigma
        denoised = yield Ask(kept * x + (1 - kept) * denoised, middle, step)
        kept = split.down / sigma
        x = kept * x + (1 - kept) * denoised
        if eta > 0:
            x = split.scale * x + noise() * s_noise * split.up
    return x


def _flow_middle(sigma: Sigma, down: Sigma, model_sampling: ModelSampling) -> Sigma:
    """Middle of the step in log-SNR."""
    if sigma == 1:
        return sigma.new_tensor(BELOW_FULL_NOISE)
    start, end = model_sampling.half_log_snr(sigma), model_sampling.half_log_snr(down)
    return model_sampling.sigma_of_half_log_snr((start + end) / 2)
