"""What a node may change in guidance; `guidance/predictions.py` and the guiders call it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from app.inference.conditioning.entry import Conditioning
from app.inference.hooks.network import Memory, NetworkHooks
from app.inference.model_sampling import ModelSampling
from app.inference.types import Latent, Mask, Sigma, Sigmas


class Evaluate(Protocol):
    """Predicts a side again; hooks that need further network calls use it."""

    def __call__(
        self,
        side: int | Conditioning,
        x: Latent,
        *,
        hooks: NetworkHooks | None = None,
        negative: bool = ...,
    ) -> Latent:
        """Denoised prediction of a side of the run (0 positive, 1 negative) or of another conditioning.

        `hooks` come in addition to the model's. `negative` tells that a conditioning given whole plays a
        negative role.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GuidanceStep:
    """What guidance hooks see of a step; all latents in model space, denoised.

    `negative` is zero when it was not computed (cfg 1 and no hook that needs it).
    """

    x: Latent
    sigma: Sigma
    sigmas: Sigmas
    cfg: float
    positive: Latent
    negative: Latent
    model_sampling: ModelSampling
    evaluate: Evaluate
    memory: Memory

    @property
    def is_mixed(self) -> bool:
        """Whether both sides count: at cfg 1 the negative one does not."""
        return not math.isclose(self.cfg, 1.0)


BeforeCfg: TypeAlias = Callable[[GuidanceStep], tuple[Latent, Latent]]
"""Returns new predictions of both sides."""

ReplaceCfg: TypeAlias = Callable[[GuidanceStep], Latent]
"""Mixes both sides in place of u + (c - u) * cfg."""

AfterCfg: TypeAlias = Callable[[GuidanceStep, Latent], Latent]
"""Changes the mixed prediction."""

MaskAtStep: TypeAlias = Callable[[Mask, Sigma, Sigmas, ModelSampling], Mask]
"""The denoise mask [B, C, h8, w8] to use at a level, from the whole mask and the run's levels."""


@dataclass(frozen=True, kw_only=True)
class GuidanceHooks:
    """Changes of guidance, in the order in which they act."""

    before_cfg: tuple[BeforeCfg, ...] = ()
    replace_cfg: ReplaceCfg | None = None
    after_cfg: tuple[AfterCfg, ...] = ()
    needs_negative: bool = False
    """The negative side is computed even where cfg is 1."""
    mask_at_step: MaskAtStep | None = None


NO_GUIDANCE_HOOKS = GuidanceHooks()
