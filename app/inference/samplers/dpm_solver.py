"""The steps of DPM-Solver of first to third order, from which `dpm_fast` and `dpm_adaptive` are made.

Lu et al. 2022, "DPM-Solver", algorithms 1 and 2, in t = -ln sigma, where the ODE of the noise e = (x - D) /
sigma is linear in x up to e. With h = t' - t, sigma' = exp(-t') and E(z) = exp(z) - 1:

    order 1:  x' = x - sigma' E(h) e(x, t)
    order 2:  with e1 at t + r h:
              x' = x - sigma' E(h) e - sigma' / (2 r) E(h) (e1 - e)
    order 3:  with e1 at t + r1 h and e2 at t + r2 h:
              u2 = x - sigma_2 E(r2 h) e - sigma_2 (r2 / r1) (E(r2 h) / (r2 h) - 1) (e1 - e)
              x' = x - sigma' E(h) e - sigma' / r2 (E(h) / h - 1) (e2 - e)
"""

from collections.abc import Generator

from torch import Tensor

from app.inference.samplers.base import Ask
from app.inference.types import Latent, Sigma

R1, R2 = 1 / 3, 2 / 3  # places of the inner points of the third-order step


def last_level(sigmas: Tensor) -> Sigma:
    """The level to walk to: the last one that has a logarithm."""
    return sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]


def named_noise(x: Latent, t: Tensor, step: int) -> Generator[Ask, Latent, Latent]:
    """Ask for the noise e that the model sees in x."""
    sigma = t.neg().exp()
    denoised = yield Ask(x, sigma, step)
    return (x - denoised) / sigma


def first_order(x: Latent, t: Tensor, t_next: Tensor, noise: Latent) -> Latent:
    """From t to t_next along the noise at t."""
    return x - t_next.neg().exp() * (t_next - t).expm1() * noise


def second_order(x: Latent, t: Tensor, t_next: Tensor, noise: Latent, inner: Latent, r: float) -> Latent:
    """`inner` is the noise at the share `r` of the way."""
    scale = t_next.neg().exp() * (t_next - t).expm1()
    return x - scale * noise - scale / (2 * r) * (inner - noise)


def second_inner_point(x: Latent, t: Tensor, t_next: Tensor, noise: Latent, inner: Latent) -> Latent:
    """Where the third-order step asks for the third time; `inner` is the noise at the share R1."""
    h = t_next - t
    sigma = (t + R2 * h).neg().exp()
    bend = sigma * (R2 / R1) * ((R2 * h).expm1() / (R2 * h) - 1)
    return x - sigma * (R2 * h).expm1() * noise - bend * (inner - noise)


def third_order(x: Latent, t: Tensor, t_next: Tensor, noise: Latent, inner: Latent) -> Latent:
    """`inner` is the noise at the second inner point, the share R2 of the way."""
    h = t_next - t
    sigma = t_next.neg().exp()
    return x - sigma * h.expm1() * noise - sigma / R2 * (h.expm1() / h - 1) * (inner - noise)
