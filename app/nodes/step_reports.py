"""Tells the surroundings of a sampling node about every step, with a preview now and then."""

from app.inference.models.diffusion_model import DiffusionModel
from app.inference.preview import PreviewThrottle, latent_preview
from app.inference.sample import OnStep
from app.inference.types import Latent
from app.nodes.context import NodeContext


def step_reporter(context: NodeContext, model: DiffusionModel) -> OnStep:
    """Reports progress, and a preview of the first step and then as often as the throttle allows."""
    throttle = PreviewThrottle()

    def report(step: int, total: int, denoised: Latent, _x: Latent) -> None:
        if context.preview_method != "none" and throttle.due():
            context.preview(latent_preview(denoised, model.preview_factors, context.preview_size))
        context.progress(step + 1, total)

    return report
