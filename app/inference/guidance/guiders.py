"""Guiders: rules that make one prediction of the sides of a conditioning; the sampling driver asks them."""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from app.inference.conditioning.entry import Conditioning
from app.inference.denoiser import Denoiser
from app.inference.guidance.guided import Guided
from app.inference.guidance.predictions import Predictions, Run
from app.inference.hooks.guidance import GuidanceStep, ReplaceCfg
from app.inference.hooks.network import NO_NETWORK_HOOKS, NetworkHooks
from app.inference.types import Latent, Sigma


class Predict(Protocol):
    """One step's prediction."""

    def __call__(self, x: Latent, sigma: Sigma, *, both: bool = False) -> Guided:
        """Predict at `x` [B, C, h8, w8] in model space; `both` demands the negative side in any case."""
        ...


class Guider(Protocol):
    """A model with its conditioning and the rule that mixes its predictions; what a GUIDER socket carries."""

    @property
    def model(self) -> Denoiser:
        """The model that is guided."""
        ...

    def begin(self, run: Run) -> Predict:
        """Prepare the conditioning for a run."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class CfgGuider:
    """u + (c - u) * cfg with c and u the mean predictions of both sides; Ho and Salimans 2022.

    At cfg 1 the negative side cancels out and is not evaluated, unless a hook needs it.
    """

    model: Denoiser
    positive: Conditioning
    negative: Conditioning
    cfg: float

    def begin(self, run: Run) -> Predict:
        """Prepare both sides."""
        predictions = Predictions(run, (self.positive, self.negative), (False, True))
        return CfgPredict(run=run, predictions=predictions, cfg=self.cfg)


def positive_guider(model: Denoiser, conditioning: Conditioning) -> CfgGuider:
    """Only the positive side's prediction."""
    return CfgGuider(model=model, positive=conditioning, negative=(), cfg=1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class CfgPredict:
    """Classifier-free guidance during a run, with the model's hooks around it."""

    run: Run
    predictions: Predictions
    cfg: float

    def __call__(self, x: Latent, sigma: Sigma, *, both: bool = False) -> Guided:
        """See `Predict`."""
        needs_negative = both or self.run.model.guidance_hooks.needs_negative
        if math.isclose(self.cfg, 1.0) and not needs_negative:
            (positive,) = self.predictions(x, sigma, (0,))
            negative = torch.zeros_like(positive)
        else:
            positive, negative = self.predictions(x, sigma, (0, 1))
        return mixed(self.run, self.predictions, x, sigma, self.cfg, positive, negative)


def mixed(
    run: Run,
    predictions: Predictions,
    x: Latent,
    sigma: Sigma,
    cfg: float,
    positive: Latent,
    negative: Latent,
    *,
    rule: ReplaceCfg | None = None,
) -> Guided:
    """Mix two predictions by `cfg` with the model's hooks before, instead of and after it.

    A guider's own `rule` takes the place of the mixture and of the model's hook instead of it.
    """
    hooks = run.model.guidance_hooks
    step = GuidanceStep(
        x=x,
        sigma=sigma,
        sigmas=run.sigmas,
        cfg=cfg,
        positive=positive,
        negative=negative,
        model_sampling=run.model.model_sampling,
        evaluate=_Evaluation(predictions, sigma),
        memory=run.memory,
    )
    for before in hooks.before_cfg:
        positive, negative = before(step)
        step = replace(step, positive=positive, negative=negative)
    replace_cfg = rule or hooks.replace_cfg
    if replace_cfg is not None:
        denoised = replace_cfg(step)
    elif step.is_mixed:
        denoised = negative + (positive - negative) * cfg
    else:
        denoised = positive
    for after in hooks.after_cfg:
        denoised = after(step, denoised)
    return Guided(denoised, negative)


@dataclass(frozen=True, slots=True, eq=False)
class _Evaluation:
    """Answers hooks that need another prediction at this step; see `hooks.Evaluate`."""

    predictions: Predictions
    sigma: Sigma

    def __call__(
        self,
        side: int | Conditioning,
        x: Latent,
        *,
        hooks: NetworkHooks | None = None,
        negative: bool = False,
    ) -> Latent:
        number = side if isinstance(side, int) else self.predictions.number_of(side, negative=negative)
        return self.predictions(x, self.sigma, (number,), hooks or NO_NETWORK_HOOKS, further=True)[0]
