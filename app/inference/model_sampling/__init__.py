"""Noise levels of model families and the meaning of a network's output; samplers and schedules ask here."""

from app.inference.model_sampling.base import (
    NO_LIMIT,
    Levels,
    LevelsOutOfRange,
    ModelSampling,
    Prediction,
)

__all__ = ["NO_LIMIT", "Levels", "LevelsOutOfRange", "ModelSampling", "Prediction"]
