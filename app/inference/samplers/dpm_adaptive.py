"""DPM-Solver that chooses its own steps by comparing two orders of accuracy.

Lu et al. 2022, "DPM-Solver", appendix C.4: every step is made twice from the same answers, by a lower and a
higher order (2 and 3, or 1 and 2). Their distance, measured against the tolerance

    delta = max(atol, rtol max(|low|, |low before|)),   error = |(low - high) / delta|_2 / sqrt(numel),

decides with a PID controller (Soderlind 2003, "Digital filters in adaptive time-stepping"; the form of
Kidger's diffrax) whether the step counts and how long the next one is. With v = 1 / (error + 1e-8) of this
step and of the last two that counted, and order q (1.5 with new noise),

    f = 1 + atan(v^((p + i + d) / q) v1^(-(p + 2 d) / q) v2^(d / q) - 1),

the step counts when f >= accept_safety, and its length h in -ln sigma becomes h f either way.

With `eta` the step goes to the level `down` of the ancestral split and noise is added (see `ancestral.py`).
"""

import math
from collections.abc import Generator
from functools import partial

import torch
from torch import Tensor

from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.ancestral import ancestral_split
from app.inference.samplers.base import Ask, OptionOutOfRange, SamplerContext, SamplerRun
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
ARRIVED = 1e-5  # distance to the end, in -ln sigma, that no step is worth
MAX_TRIES = 100  # for one step
ORDER_OF_NOISE = 1.5  # strong order of the solvers with new noise, which the controller counts on


class ToleranceNotMet(ValueError):
    """No step was good enough, or only steps that are too small to move."""

    code = "tolerance_not_met"

    def __init__(self) -> None:
        super().__init__(
            "dpm_adaptive found no step that meets its tolerance: raise rtol or atol, or lower accept_safety."
        )


def dpm_adaptive(
    x: Latent,
    sigmas: Sigmas,
    context: SamplerContext,
    *,
    order: int = 3,
    rtol: float = 0.05,
    atol: float = 0.0078,
    h_init: float = 0.05,
    pcoeff: float = 0.0,
    icoeff: float = 1.0,
    dcoeff: float = 0.0,
    accept_safety: float = 0.81,
    eta: float = 0.0,
    s_noise: float = 1.0,
) -> SamplerRun:
    """Of the levels only the first and the last above 0 count; a rising list is walked upwards.

    `order` is 2 or 3; `rtol` and `atol` are the tolerances, `h_init` > 0 the first step in -ln sigma;
    `pcoeff`, `icoeff`, `dcoeff` steer the controller; `eta` >= 0 is the share of new noise, `s_noise` its
    size. Steps of the schedule are reported by the share of the way. ToleranceNotMet: no step is good
    enough. OptionOutOfRange: a rising list cannot take new noise.
    """
    noise = GaussianNoise(x, context.seed)
    start, end = sigmas[0].log().neg(), last_level(sigmas).log().neg()
    if eta > 0 and end < start:
        raise OptionOutOfRange("dpm_adaptive", "eta must be 0 where noise levels rise")
    direction = math.copysign(1.0, (end - start).item())
    strong_order = ORDER_OF_NOISE if eta > 0 else order
    controller = _Controller(pcoeff, icoeff, dcoeff, strong_order, accept_safety)
    h = h_init * direction
    t, low_before = start, x
    tries = 0
    while (end - t) * direction > ARRIVED:
        t_next = min(end, t + h, key=partial(_distance, t))
        if math.isnan(h) or t_next == t or tries == MAX_TRIES:
            raise ToleranceNotMet
        t_down = _down(t, t_next, end, eta)
        low, high = yield from _both_orders(x, t, t_down, order, _step(t, start, end, len(sigmas) - 1))
        delta = (rtol * torch.maximum(low.abs(), low_before.abs())).clamp(min=atol)
        error = ((low - high) / delta).norm().item() / math.sqrt(x.numel())
        accepted, factor = controller.judge(error)
        tries += 1
        if accepted:
            up = (t_next.neg().exp() ** 2 - t_down.neg().exp() ** 2) ** 0.5
            x = high + noise() * s_noise * up if eta > 0 else high
            t, low_before, tries = t_next, low, 0
        h = h * factor
    return x


def _distance(t: Tensor, other: Tensor) -> float:
    return (other - t).abs().item()


def _down(t: Tensor, t_next: Tensor, end: Tensor, eta: float) -> Tensor:
    """How far the solvers go; further than `t_next` where noise will be added."""
    if eta == 0:
        return t_next
    split = ancestral_split(t.neg().exp(), t_next.neg().exp(), eta)
    return torch.minimum(end, split.down.log().neg())


def _step(t: Tensor, start: Tensor, end: Tensor, total: int) -> int:
    return min(int((t - start) / (end - start) * total), total - 1)


def _both_orders(
    x: Latent, t: Tensor, t_next: Tensor, order: int, step: int
) -> Generator[Ask, Latent, tuple[Latent, Latent]]:
    """The step by the lower and by the higher order."""
    noise = yield from named_noise(x, t, step)
    r = R1 if order == 3 else MIDDLE
    inner_t = t + r * (t_next - t)
    inner = yield from named_noise(first_order(x, t, inner_t, noise), inner_t, step)
    second = second_order(x, t, t_next, noise, inner, r)
    if order == 2:
        return first_order(x, t, t_next, noise), second
    point = second_inner_point(x, t, t_next, noise, inner)
    inner = yield from named_noise(point, t + R2 * (t_next - t), step)
    return second, third_order(x, t, t_next, noise, inner)


class _Controller:
    """Decides whether a step counts and by which factor the next one is longer."""

    def __init__(self, p: float, i: float, d: float, order: float, accept_safety: float) -> None:
        self._exponents = ((p + i + d) / order, -(p + 2 * d) / order, d / order)
        self._accept_safety = accept_safety
        self._inverse_errors: tuple[float, float] | None = None

    def judge(self, error: float) -> tuple[bool, float]:
        """Whether a step with this error counts, and the factor."""
        inverse = 1 / (error + 1e-8)
        before, longer_ago = self._inverse_errors or (inverse, inverse)
        first, second, third = self._exponents
        factor = 1 + math.atan(inverse**first * before**second * longer_ago**third - 1)
        accepted = factor >= self._accept_safety
        self._inverse_errors = (inverse, before) if accepted else (before, longer_ago)
        return accepted, factor
