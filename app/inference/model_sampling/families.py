"""Noise levels and output meanings that families of models were trained with; loaders and nodes pick here."""

from typing import Literal

from app.inference.model_sampling.base import ModelSampling
from app.inference.model_sampling.cascade_levels import CascadeLevels
from app.inference.model_sampling.continuous_levels import AngleLevels, EdmLevels, OddsLevels
from app.inference.model_sampling.discrete_levels import DiscreteLevels, LcmLevels
from app.inference.model_sampling.flow_levels import FluxLevels, ShiftedLevels
from app.inference.model_sampling.predictions import (
    ConsistencyPrediction,
    EdmPrediction,
    FlowPrediction,
    NoisePrediction,
    OddsFlowPrediction,
    PicturePrediction,
    UnscaledPicturePrediction,
    VelocityPrediction,
)

Discrete = Literal["eps", "v_prediction", "lcm", "x0", "img_to_img"]
Continuous = Literal["v_prediction", "edm", "edm_playground_v2.5", "eps", "cosmos_rflow"]

AURAFLOW_SHIFT = 1.73
FLUX_SIZES = (256, 4096)  # packed tokens of the smallest and largest trained picture, Black Forest Labs' Flux


def discrete(kind: Discrete = "eps", *, zero_terminal_snr: bool = False) -> ModelSampling:
    """Stable Diffusion 1, 2 and XL: what the output means by `kind`; KeyError for an unknown one."""
    levels = DiscreteLevels(zero_terminal_snr=zero_terminal_snr)
    if kind == "lcm":
        few = LcmLevels(levels)
        return ModelSampling(levels=few, prediction=ConsistencyPrediction(few))
    prediction = {
        "eps": NoisePrediction,
        "v_prediction": VelocityPrediction,
        "x0": PicturePrediction,
        "img_to_img": UnscaledPicturePrediction,
    }[kind]
    return ModelSampling(levels=levels, prediction=prediction())


def upscaler_x4() -> ModelSampling:
    """Stable Diffusion's x4 upscaler: velocity on betas of its own."""
    return ModelSampling(
        levels=DiscreteLevels(beta_first=0.0001, beta_last=0.02), prediction=VelocityPrediction()
    )


def continuous(kind: Continuous, *, sigma_min: float, sigma_max: float) -> ModelSampling:
    """EDM, Playground 2.5, CosXL, Cosmos; 0 < `sigma_min` < `sigma_max`. KeyError for an unknown kind."""
    prediction = {
        "eps": NoisePrediction,
        "v_prediction": VelocityPrediction,
        "edm": EdmPrediction,
        "edm_playground_v2.5": EdmPrediction,
        "cosmos_rflow": OddsFlowPrediction,
    }[kind]
    levels = OddsLevels if kind == "cosmos_rflow" else EdmLevels
    return ModelSampling(levels=levels(sigma_min=sigma_min, sigma_max=sigma_max), prediction=prediction())


def continuous_velocity(*, sigma_min: float = 0.03, sigma_max: float = 500.0) -> ModelSampling:
    """Velocity over the angle between picture and noise."""
    return ModelSampling(
        levels=AngleLevels(sigma_min=sigma_min, sigma_max=sigma_max), prediction=VelocityPrediction()
    )


def shifted_flow(shift: float, *, multiplier: float = 1000.0) -> ModelSampling:
    """Stable Diffusion 3 (shift 3, multiplier 1000), AuraFlow (1.73, 1), Flux schnell (1, 1)."""
    return ModelSampling(
        levels=ShiftedLevels(shift=shift, multiplier=multiplier), prediction=FlowPrediction()
    )


def flux(mu: float = 1.15) -> ModelSampling:
    """Flux dev; `mu` is the shift at the wanted picture size, see `flux_shift`."""
    return ModelSampling(levels=FluxLevels(mu=mu), prediction=FlowPrediction())


def flux_shift(*, width: int, height: int, base_shift: float, max_shift: float) -> float:
    """The shift for a picture of this size in pixels, linear in its number of packed tokens."""
    fewest, most = FLUX_SIZES
    slope = (max_shift - base_shift) / (most - fewest)
    return slope * (width * height / 256) + (base_shift - slope * fewest)


def cascade(shift: float = 1.0) -> ModelSampling:
    """Stable Cascade: shift 2 in stage C, 1 in stage B."""
    return ModelSampling(levels=CascadeLevels(shift=shift), prediction=NoisePrediction())
