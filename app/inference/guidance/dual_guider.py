"""Guidance by two conditionings and a negative: InstructPix2Pix's picture and text, or two subjects."""

import math
from dataclasses import dataclass

import torch

from app.inference.conditioning.entry import Conditioning
from app.inference.denoiser import Denoiser
from app.inference.guidance.guided import Guided
from app.inference.guidance.guiders import Predict, mixed
from app.inference.guidance.predictions import Predictions, Run
from app.inference.types import Latent, Sigma

FIRST, NEGATIVE, SECOND = range(3)  # numbers of the sides


@dataclass(frozen=True, kw_only=True, eq=False)
class DualCfgGuider:
    """Two rounds of guidance, with c1, c2 and n the predictions of the conditionings and the negative.

    Regular (Brooks et al. 2023, "InstructPix2Pix", equation 3):

        D = n + (c2 - n) cfg_cond2_negative + (c1 - c2) cfg_conds

    where n is not evaluated if its factor is 1, and c2 neither if the other is 1 too. Nested:

        t = c2 + (c1 - c2) cfg_conds,   D = n + (t - n) cfg_cond2_negative.

    The model's hooks act in the first round: on (c2, n), or nested on (c1, c2).
    """

    model: Denoiser
    cond1: Conditioning
    cond2: Conditioning
    negative: Conditioning
    cfg_conds: float
    cfg_cond2_negative: float
    nested: bool = False

    def begin(self, run: Run) -> Predict:
        """Prepare the three sides; `cond2` plays a negative role."""
        sides = (self.cond1, self.negative, self.cond2)
        predictions = Predictions(run, sides, (False, True, True))
        return _DualPredict(run=run, predictions=predictions, guider=self)


@dataclass(frozen=True, kw_only=True, eq=False)
class _DualPredict:
    """One step of either rule."""

    run: Run
    predictions: Predictions
    guider: DualCfgGuider

    def __call__(self, x: Latent, sigma: Sigma, *, both: bool = False) -> Guided:
        """See `Predict`."""
        return self._nested(x, sigma) if self.guider.nested else self._regular(x, sigma, both)

    def _regular(self, x: Latent, sigma: Sigma, both: bool) -> Guided:
        cfg, cfg_conds = self.guider.cfg_cond2_negative, self.guider.cfg_conds
        sides = {FIRST, SECOND, NEGATIVE}
        if math.isclose(cfg, 1.0) and not (both or self.run.model.guidance_hooks.needs_negative):
            sides.remove(NEGATIVE)
            if math.isclose(cfg_conds, 1.0):
                sides.remove(SECOND)
        first, second, negative = self._predicted(x, sigma, sides)
        guided = mixed(self.run, self.predictions, x, sigma, cfg, second, negative)
        return Guided(guided.denoised + (first - second) * cfg_conds, guided.negative)

    def _nested(self, x: Latent, sigma: Sigma) -> Guided:
        cfg, cfg_conds = self.guider.cfg_cond2_negative, self.guider.cfg_conds
        first, second, negative = self._predicted(x, sigma, {FIRST, SECOND, NEGATIVE})
        guided = mixed(self.run, self.predictions, x, sigma, cfg_conds, first, second)
        return Guided(negative + (guided.denoised - negative) * cfg, guided.negative)

    def _predicted(self, x: Latent, sigma: Sigma, sides: set[int]) -> tuple[Latent, Latent, Latent]:
        """First, second and negative prediction; zeros for those that are not among the sides."""
        wanted = sorted(sides)
        found = dict(zip(wanted, self.predictions(x, sigma, wanted), strict=True))
        nothing = torch.zeros_like(x)
        return found[FIRST], found.get(SECOND, nothing), found.get(NEGATIVE, nothing)
