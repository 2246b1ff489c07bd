"""DPM-Solver-2 in the form of Karras et al.: a step by the slope at its logarithmic middle.

Lu et al. 2022, "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic Models in Around 10 Steps"; written
as in Karras et al. 2022, algorithm 2. With the middle level sigma_m = sqrt(sigma sigma'):

    x_m = x + (x - D) / sigma (sigma_m - sigma),
    x'  = x + (x_m - D(x_m, sigma_m)) / sigma_m (sigma' - sigma).

Second order, two questions per step; the step to 0 is an Euler step. The ancestral form aims at the level
`down` of `ancestral.py` in place of sigma' and adds new noise.
"""

from itertools import pairwise

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.ancestral import ancestral_split, flow_split
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigma, Sigmas


def dpm_2(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """Two questions per step."""
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        middle = _middle(sigma, sigma_next)
        x_middle = x + (x - denoised) / sigma * (middle - sigma)
        denoised = yield Ask(x_middle, middle, step)
        x = x + (x_middle - denoised) / middle * (sigma_next - sigma)
    return x


def dpm_2_ancestral(x: Latent, sigmas: Sigmas, context: SamplerContext) -> SamplerRun:
    """The same walk to a lower level, and new noise up to the wanted one."""
    noise = GaussianNoise(x, context.seed)
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        if sigma_next == 0:
            x = denoised
            continue
        if context.model_sampling.is_flow:
            split = flow_split(sigma, sigma_next, 1.0)
            down, scale, up = split.down, split.scale, split.up
        else:
            split = ancestral_split(sigma, sigma_next, 1.0)
            down, scale, up = split.down, 1.0, split.up
        middle = _middle(sigma, down)
        x_middle = x + (x - denoised) / sigma * (middle - sigma)
        denoised = yield Ask(x_middle, middle, step)
        x = x + (x_middle - denoised) / middle * (down - sigma)
        x = scale * x + noise() * up
    return x


def _middle(sigma: Sigma, sigma_next: Sigma) -> Sigma:
    return ((sigma.log() + sigma_next.log()) / 2).exp()
