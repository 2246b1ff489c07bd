"""SA-Solver: a stochastic Adams predictor and corrector, noisy only in the middle of the schedule.

Xue et al. 2023, "SA-Solver: Stochastic Adams Solver for Fast Sampling of Diffusion Models", algorithm 1.
tau(sigma) says how much noise the SDE has at a level; lambda is the half log-SNR. A step from lambda = u to v
with h = v - u and m = 1 + tau^2 is

    x' = (sigma' / sigma) exp(-tau^2 h) x + sum_k b_k D_k + sigma' sqrt(1 - exp(-2 tau^2 h)) z,

where the b_k integrate the polynomial through the predictions D_k at their levels lambda_k exactly:

    b_k = sigma' exp(v) w_k,   sum_k w_k lambda_k^p = I_p  for every power p below the number of predictions,
    I_p = sum_{j <= p} (-1)^(p - j) p! / j! m^-(p - j) E_j,   E_j = v^j - u^j exp(-m (v - u)).

The predictor uses the predictions up to u; the corrector makes the same step again, with the same noise, when
the prediction at v is known as well. Towards the end both orders fall, so that the last step is of first
order. PECE asks once more at the corrected place.

With two predictions the weights have a simpler form of the same order (`simple_order_2`): with k = 1 + tau^2
and T = A (1 - exp(-k h)), A = sigma' exp(v), the corrector gives A k h / 2 to the newer, the predictor A k
h^2 / 2 / (lambda_old - u) to the older, and the rest of T to the other.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from app.inference.model_sampling import ModelSampling
from app.inference.noise.generators import GaussianNoise
from app.inference.samplers.base import Ask, SamplerContext, SamplerRun
from app.inference.samplers.dpmpp_sde import below_full_noise
from app.inference.types import Latent, Sigma, Sigmas


def sa_solver(
    x: Latent,
    sigmas: Sigmas,
    context: SamplerContext,
    *,
    eta: float = 1.0,
    sde_start_percent: float = 0.2,
    sde_end_percent: float = 0.8,
    s_noise: float = 1.0,
    predictor_order: int = 3,
    corrector_order: int = 4,
    use_pece: bool = False,
    simple_order_2: bool = False,
    percents_of: ModelSampling | None = None,
) -> SamplerRun:
    """One question per step, two with `use_pece`.

    tau is `eta` >= 0 between the two shares (0..1) of the schedule of `percents_of` (the sampled model's
    unless given), else 0; `s_noise` is the size of the noise. `predictor_order` >= 1; `corrector_order` 0
    never corrects.
    """
    sampling = context.model_sampling
    levels = below_full_noise(sigmas, sampling)
    tau_at = _tau(percents_of or sampling, eta, sde_start_percent, sde_end_percent)
    noise = GaussianNoise(x, context.seed)
    last = len(levels) - 2
    ends_in_zero = bool(levels[-1] == 0)
    known: list[_Known] = []  # oldest first
    stride: _Stride | None = None
    predicted = x
    for step in range(last + 1):
        sigma, sigma_next = levels[step], levels[step + 1]
        denoised = yield Ask(predicted, sigma, step)
        memory = max(predictor_order, corrector_order)
        here = sampling.half_log_snr(sigma)
        known = [*known, (here, denoised)][-memory:]
        corrected = 0 if sigma_next == 0 and not use_pece else min(corrector_order, len(known))
        used = min(predictor_order, len(known))
        if ends_in_zero:
            corrected, used = min(corrected, last + 1 - step), min(used, last - step)
        x = predicted
        if stride is not None and corrected > 0:
            x = stride.made(known[-corrected:], corrects=True)
            if use_pece:
                denoised = yield Ask(x, sigma, step)
                known[-1] = (here, denoised)
        if sigma_next == 0:
            return denoised
        if step == last:
            return x
        tau = tau_at(sigma_next)
        drawn = noise() * s_noise if tau > 0 else None
        end = sampling.half_log_snr(sigma_next)
        stride = _Stride(x, sigma, sigma_next, here, end, tau, drawn, simple_order_2=simple_order_2)
        predicted = stride.made(known[-used:], corrects=False)
    return x


_Known = tuple[Tensor, Latent]
"""Half log-SNR of a level and the prediction there."""


def _tau(model_sampling: ModelSampling, eta: float, start: float, end: float) -> Callable[[Sigma], float]:
    highest, lowest = model_sampling.percent_to_sigma(start), model_sampling.percent_to_sigma(end)

    def tau(sigma: Sigma) -> float:
        return max(eta, 0.0) if highest >= sigma.item() >= lowest else 0.0

    return tau


class _Stride:
    """A step from one level to the next, which can be made twice: by the predictor and by the corrector."""

    def __init__(
        self,
        x: Latent,
        sigma: Sigma,
        sigma_next: Sigma,
        start: Tensor,
        end: Tensor,
        tau: float,
        noise: Latent | None,
        *,
        simple_order_2: bool,
    ) -> None:
        self._start, self._end, self._tau = start, end, tau
        self._simple_order_2 = simple_order_2
        h = end - start
        self._scale = sigma_next * end.exp()
        self._fixed = sigma_next / sigma * (-(tau**2) * h).exp() * x
        if noise is not None:
            self._fixed = self._fixed + noise * sigma_next * (-(-2 * tau**2 * h).expm1()).sqrt()

    def made(self, known: list[_Known], *, corrects: bool) -> Latent:
        """The end of the step by the predictions `known`, oldest first; the corrector knows the one there."""
        places = torch.stack([place for place, _ in known])
        if len(known) == 2 and self._simple_order_2:
            weights = self._simple_weights(places, corrects=corrects)
        else:
            weights = self._scale * self._exact_weights(places)
        x = self._fixed
        for weight, (_, denoised) in zip(weights, known, strict=True):
            x = x + weight * denoised
        return x

    def _exact_weights(self, places: Tensor) -> Tensor:
        powers = torch.stack([places**power for power in range(len(places))])
        return torch.linalg.solve(powers, self._moments(len(places)))

    def _moments(self, count: int) -> Tensor:
        """I_p for p = 0 .. count - 1."""
        m = 1 + self._tau**2
        kept = (-m * (self._end - self._start)).exp()
        ends = [self._end**j - self._start**j * kept for j in range(count)]
        moments: list[Tensor] = []
        for p in range(count):
            terms = [
                (-1) ** (p - j) * math.factorial(p) / math.factorial(j) / m ** (p - j) * ends[j]
                for j in range(p + 1)
            ]
            moments.append(torch.stack(terms).sum())
        return torch.stack(moments)

    def _simple_weights(self, places: Tensor, *, corrects: bool) -> tuple[Tensor, Tensor]:
        k = 1 + self._tau**2
        h = self._end - self._start
        total = self._scale * -(-k * h).expm1()
        if corrects:
            new = self._scale * k * h / 2
            return total - new, new
        old = self._scale * k * h**2 / 2 / (places[0] - self._start)
        return old, total - old
