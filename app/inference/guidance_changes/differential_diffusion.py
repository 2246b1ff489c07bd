"""A noise mask whose grey tells how much may change; the DifferentialDiffusion node adds it.

Levin and Fried 2023, "Differential Diffusion: Giving Each Pixel Its Strength".
"""

from app.inference.hooks.guidance import GuidanceHooks
from app.inference.model_sampling import ModelSampling
from app.inference.types import Mask, Sigma, Sigmas


def differential_diffusion(strength: float) -> GuidanceHooks:
    """Let a cell change as soon as its mask reaches the share of the run that is still to come.

    `strength` between 0 and 1 blends this yes or no with the mask itself; 0 and 1 leave it pure.
    """

    def mask_at_step(mask: Mask, sigma: Sigma, sigmas: Sigmas, model_sampling: ModelSampling) -> Mask:
        last = sigmas[-1].clamp(min=model_sampling.sigma_min)
        now, start, end = (model_sampling.timestep(level) for level in (sigma, sigmas[0], last))
        open_cells = (mask >= (now - end) / (start - end)).to(mask.dtype)
        if 0 < strength < 1:
            return strength * open_cells + (1 - strength) * mask
        return open_cells

    return GuidanceHooks(mask_at_step=mask_at_step)
