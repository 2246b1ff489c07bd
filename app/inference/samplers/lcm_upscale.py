"""Consistency sampling that enlarges the picture while it takes shape.

As `lcm.py` (Luo et al. 2023, algorithm 3), but the predictions of the first steps are resized before noise is
added, so that the sample grows from its own size to `scale_ratio` times that, evenly over those steps.
"""

from itertools import pairwise

import numpy as np
import torch

from app.inference.pictures.resize import resize_latent
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def lcm_upscale(
    x: Latent,
    sigmas: Sigmas,
    _context: SamplerContext,
    *,
    scale_ratio: float = 1.0,
    scale_steps: int = -1,
    upscale_method: str = "bislerp",
) -> SamplerRun:
    """One question per step; the returned sample has another size than `x`.

    `scale_ratio` > 0 is reached in `scale_steps` steps, in half of them all if negative; `upscale_method` as
    in `resize.py`. Noise comes from the global generator of the sample's device: on the CPU it continues the
    stream of the initial noise.
    """
    height, width = x.shape[-2:]
    factors = _factors(len(sigmas), scale_ratio, scale_steps)
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x = yield Ask(x, sigma, step)
        if step < len(factors):
            factor = factors[step]
            x = resize_latent(x, round(width * factor), round(height * factor), upscale_method)
        if sigma_next > 0:
            x = x + sigma_next * torch.randn(x.shape, device=x.device)
    return x


def _factors(levels: int, scale_ratio: float, scale_steps: int) -> list[float]:
    count = max(levels // 2 + 1, 2) if scale_steps < 0 else min(scale_steps + 1, levels + 1)
    return np.linspace(1.0, scale_ratio, count)[1:].tolist()
