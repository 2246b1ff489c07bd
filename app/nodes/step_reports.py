"""Tells the surroundings of a sampling node about every step, with a preview now and then."""

import logging
from collections.abc import Callable

from app.files.errors import FilesError
from app.files.vae_menu import tiny_vae_file
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.errors import ModelFileError
from app.inference.models.vae.load_taesd import load_tiny_decoder
from app.inference.models.vae.taesd import TinyDecoder
from app.inference.pictures.preview import PreviewThrottle, decoded_preview, latent_preview
from app.inference.sample import OnStep
from app.inference.types import Latent
from app.nodes.context import NodeContext

logger = logging.getLogger(__name__)


def step_reporter(context: NodeContext, model: DiffusionModel) -> OnStep:
    """Reports progress, and a preview of the first step and then as often as the throttle allows."""
    throttle = PreviewThrottle()
    preview = _preview_maker(context, model)

    def report(step: int, total: int, denoised: Latent, _x: Latent) -> None:
        if preview is not None and throttle.due():
            context.preview(preview(denoised))
        context.progress(step + 1, total)

    return report


def _preview_maker(context: NodeContext, model: DiffusionModel) -> Callable[[Latent], bytes] | None:
    """What makes a JPEG of a denoised latent; None when no previews are wanted."""
    size, colours = context.preview_size, model.preview_factors
    if context.preview_method == "none":
        return None
    decoder = _tiny_decoder(context, model) if context.preview_method in ("taesd", "auto") else None
    if decoder is None:
        return lambda denoised: latent_preview(denoised, colours, size)
    return lambda denoised: decoded_preview(decoder(denoised[:1])[0], size)


def _tiny_decoder(context: NodeContext, model: DiffusionModel) -> TinyDecoder | None:
    """The decoder for the model's latents; None, with a word why, when it cannot be had."""
    models, name = context.folders.models, model.preview_factors.tiny_vae
    stored = None if name is None else tiny_vae_file(models, name, "decoder")
    if stored is None:
        if context.preview_method == "taesd":
            missing = (
                "is none for this model" if name is None else f"is no {name}_decoder in models/vae_approx"
            )
            logger.info("Previews are made without a decoder: there %s.", missing)
        return None
    try:
        decoder = context.models.get(
            "preview decoder", models.resolve("vae_approx", stored), load_tiny_decoder
        )
    except (ModelFileError, FilesError) as error:
        logger.warning("Previews are made without a decoder: %s", error)
        return None
    if decoder.channels != model.channels:
        logger.warning("Previews are made without a decoder: %s is for other latents.", stored)
        return None
    return decoder
