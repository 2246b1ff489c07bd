"""Linear multistep method: a step along a polynomial through the slopes of the steps before.

With d_i = (x_i - D_i) / sigma_i, the interpolating polynomial through the last k slopes, seen as a function
of sigma, is integrated exactly over the step (Adams-Bashforth with unequal steps; Hairer, Norsett and Wanner,
"Solving Ordinary Differential Equations I", section III.5):

    x_{i+1} = x_i + sum_j c_j d_{i-j},   c_j = integral from sigma_i to sigma_{i+1} of
              prod_{m != j} (tau - sigma_{i-m}) / (sigma_{i-j} - sigma_{i-m}) d tau,   j, m = 0 .. k-1.

Gauss-Legendre quadrature with k nodes is exact for these polynomials of degree k - 1.
"""

from itertools import pairwise

import numpy as np

from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.types import Latent, Sigmas


def lms(x: Latent, sigmas: Sigmas, _context: SamplerContext, *, order: int = 4) -> SamplerRun:
    """One question per step; `order` >= 1 is how many slopes are remembered."""
    levels = sigmas.tolist()
    slopes: list[Latent] = []  # newest first
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = yield Ask(x, sigma, step)
        slopes = [(x - denoised) / sigma, *slopes[: order - 1]]
        if sigma_next == 0:
            x = denoised
            continue
        known = levels[step - len(slopes) + 1 : step + 1][::-1]
        for weight, slope in zip(_weights(known, levels[step + 1]), slopes, strict=True):
            x = x + weight * slope
    return x


def _weights(known: list[float], end: float) -> list[float]:
    """Integrals of the Lagrange basis on the `known` levels, newest first, from the newest to `end`."""
    nodes, weights = np.polynomial.legendre.leggauss(len(known))
    half = (end - known[0]) / 2
    tau = known[0] + half * (nodes + 1)
    integrals: list[float] = []
    for j, own in enumerate(known):
        others = [level for m, level in enumerate(known) if m != j]
        basis = np.prod([(tau - level) / (own - level) for level in others], axis=0)
        integrals.append(float(half * np.sum(weights * basis)))
    return integrals
