"""DPM-Solver-fast: as many third-order steps as the number of questions allows, and one smaller one.

Lu et al. 2022, "DPM-Solver", appendix D.3. For N questions the way from the first to the last level above 0
is cut into N // 3 + 1 pieces, equal in -ln sigma. All are of third order but the end: orders 2 and 1 if N is
divisible by 3, else one of order N mod 3; together exactly N questions. The picture stays at the noise of the
last level.
"""

import torch

from app.inference.samplers.base import SamplerContext, SamplerRun
from app.inference.samplers.dpm_solver import (
    R1,
    R2,
    first_order,
    last_level,
    named_noise,
    second_inner_point,
    second_order,
    third_order,
)
from app.inference.types import Latent, Sigmas

MIDDLE = 1 / 2


def dpm_fast(x: Latent, sigmas: Sigmas, _context: SamplerContext) -> SamplerRun:
    """As many questions as steps; of the levels only the first and the last above 0 count."""
    questions = len(sigmas) - 1
    orders = _orders(questions)
    start, end = sigmas[0].log().neg(), last_level(sigmas).log().neg()
    times = torch.linspace(start.item(), end.item(), len(orders) + 1, device=sigmas.device)
    asked = 0
    for order, t, t_next in zip(orders, times, times[1:], strict=False):
        noise = yield from named_noise(x, t, asked)
        h = t_next - t
        if order == 1:
            x = first_order(x, t, t_next, noise)
        elif order == 2:
            middle = t + MIDDLE * h
            inner = yield from named_noise(first_order(x, t, middle, noise), middle, asked + 1)
            x = second_order(x, t, t_next, noise, inner, MIDDLE)
        else:
            first = t + R1 * h
            inner = yield from named_noise(first_order(x, t, first, noise), first, asked + 1)
            point = second_inner_point(x, t, t_next, noise, inner)
            inner = yield from named_noise(point, t + R2 * h, asked + 2)
            x = third_order(x, t, t_next, noise, inner)
        asked += order
    return x


def _orders(questions: int) -> list[int]:
    pieces = questions // 3 + 1
    if questions % 3 == 0:
        return [3] * (pieces - 2) + [2, 1]
    return [3] * (pieces - 1) + [questions % 3]
