"""How much of a step is walked and how much is drawn anew; shared by the stochastic samplers.

Where noise is added to a picture of full size, variances add up: new noise of level up leaves
down = sqrt(sigma'^2 - up^2) to walk to (Song et al. 2021, equation 16, in sigma),

    up = min(sigma', eta sqrt(sigma'^2 (sigma^2 - sigma'^2) / sigma^2)).

On rectified flow the picture fades as noise grows, so it must be scaled as well:

    down = sigma' (1 + eta (sigma' / sigma - 1)),   scale = (1 - sigma') / (1 - down),
    up^2 = sigma'^2 - scale^2 down^2.
"""

from dataclasses import dataclass

from torch import Tensor

from app.inference.types import Sigma


@dataclass(frozen=True, slots=True)
class Split:
    """A step in two parts: down to level `down`, then noise of level `up` on top."""

    down: Sigma
    up: Sigma


def ancestral_split(sigma: Sigma, sigma_next: Sigma, eta: float) -> Split:
    """Split the step so that the variances add up to `sigma_next`; `eta` >= 0 is the share of new noise.

    Song et al. 2021, equation 16, in sigma. An undefined root (infinite `sigma`) draws everything anew.
    """
    if eta == 0:
        return Split(down=sigma_next, up=sigma_next.new_zeros(()))
    drawn = eta * (sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2) ** 0.5
    up = min(sigma_next, drawn)
    return Split(down=(sigma_next**2 - up**2) ** 0.5, up=up)


@dataclass(frozen=True, slots=True)
class FlowSplit:
    """The same for rectified flow, where the picture fades with the noise: it is rescaled by `scale` too."""

    down: Sigma
    scale: Tensor
    up: Tensor


def flow_split(sigma: Sigma, sigma_next: Sigma, eta: float) -> FlowSplit:
    """Walk further down than `sigma_next`, then rescale and add noise to be back at it."""
    down = sigma_next * (1 + (sigma_next / sigma - 1) * eta)
    scale = (1 - sigma_next) / (1 - down)
    return FlowSplit(down=down, scale=scale, up=(sigma_next**2 - down**2 * scale**2) ** 0.5)
