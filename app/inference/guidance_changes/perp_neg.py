"""Negative texts that do not take away what the positive one asks for; the PerpNeg nodes use it.

Armandpour et al. 2023, "Re-imagine the Negative Prompt Algorithm".
"""

import math
from dataclasses import dataclass

import torch

from app.inference.conditioning.entry import Conditioning
from app.inference.denoiser import Denoiser
from app.inference.guidance.guided import Guided
from app.inference.guidance.guiders import Predict, mixed
from app.inference.guidance.predictions import Predictions, Run
from app.inference.hooks.guidance import GuidanceHooks, GuidanceStep
from app.inference.types import Latent, Sigma

TINY = 1e-37  # keeps texts without any effect from dividing 0 by 0
POSITIVE, NEGATIVE, EMPTY = range(3)  # sides of the guider


def mix(positive: Latent, negative: Latent, empty: Latent, *, cfg: float, neg_scale: float) -> Latent:
    """e + cfg * (p - neg_scale * (n - its part along p)), with p and n as differences to the empty text e.

    The projection is one for the whole batch.
    """
    wanted, unwanted = positive - empty, negative - empty
    along = (unwanted * wanted).sum() / wanted.square().sum().clamp(min=TINY)
    perpendicular = unwanted - along * wanted
    return empty + cfg * (wanted - neg_scale * perpendicular)


def perp_neg(empty: Conditioning, neg_scale: float) -> GuidanceHooks:
    """Mix both sides and the empty text, which costs a call more per step, in place of plain guidance."""

    def replace(step: GuidanceStep) -> Latent:
        nothing = step.evaluate(empty, step.x, negative=True)
        return mix(step.positive, step.negative, nothing, cfg=step.cfg, neg_scale=neg_scale)

    return GuidanceHooks(replace_cfg=replace)


@dataclass(frozen=True, kw_only=True, eq=False)
class PerpNegGuider:
    """Guides by three texts; those that cannot count in the mixture are not evaluated."""

    model: Denoiser
    positive: Conditioning
    negative: Conditioning
    empty: Conditioning
    cfg: float
    neg_scale: float

    def begin(self, run: Run) -> Predict:
        """Prepare the three sides; the empty text plays a negative role."""
        sides = (self.positive, self.negative, self.empty)
        return _PerpNegPredict(self, run, Predictions(run, sides, (False, True, True)))


@dataclass(frozen=True, eq=False)
class _PerpNegPredict:
    guider: PerpNegGuider
    run: Run
    predictions: Predictions

    def __call__(self, x: Latent, sigma: Sigma, *, both: bool = False) -> Guided:
        """See `Predict`."""
        cfg, neg_scale = self.guider.cfg, self.guider.neg_scale
        no_negative = math.isclose(neg_scale, 0)
        wanted = [POSITIVE]
        if both or not no_negative or self.run.model.guidance_hooks.needs_negative:
            wanted.append(NEGATIVE)
        if not (no_negative and math.isclose(cfg, 1)):
            wanted.append(EMPTY)
        found = dict(zip(wanted, self.predictions(x, sigma, wanted), strict=True))
        nothing = torch.zeros_like(x)

        def rule(step: GuidanceStep) -> Latent:
            empty = found.get(EMPTY, nothing)
            return mix(step.positive, step.negative, empty, cfg=cfg, neg_scale=neg_scale)

        negative = found.get(NEGATIVE, nothing)
        return mixed(self.run, self.predictions, x, sigma, cfg, found[POSITIVE], negative, rule=rule)
