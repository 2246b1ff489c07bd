"""Nodes that sample with parts of one's own choice: guider, noise, sampler and noise levels."""

from typing import cast

from app.graph.node_schema import NodeSchema
from app.inference.conditioning.entry import Conditioning
from app.inference.custom_sample import add_noise as with_noise
from app.inference.custom_sample import sample_parts
from app.inference.guidance.guiders import CfgGuider, Guider
from app.inference.latents.batch import LatentBatch
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.noise.sources import NoiseSource, NoNoise, SeededNoise
from app.inference.samplers.base import Sampler
from app.inference.types import Sigmas
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, boolean, output, socket
from app.nodes.sampling_inputs import CFG, seed
from app.nodes.step_reports import step_reporter

_MODULE = "comfy_extras.nodes_custom_sampler"


def _sampler_custom(
    context: NodeContext,
    *,
    model: DiffusionModel,
    add_noise: bool,
    noise_seed: int,
    cfg: float,
    positive: Conditioning,
    negative: Conditioning,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: LatentBatch,
) -> tuple[LatentBatch, LatentBatch]:
    guider = CfgGuider(model=model, positive=positive, negative=negative, cfg=cfg)
    noise = SeededNoise(noise_seed) if add_noise else NoNoise(noise_seed)
    return _sampler_custom_advanced(
        context, noise=noise, guider=guider, sampler=sampler, sigmas=sigmas, latent_image=latent_image
    )


def _sampler_custom_advanced(
    context: NodeContext,
    *,
    noise: NoiseSource,
    guider: Guider,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: LatentBatch,
) -> tuple[LatentBatch, LatentBatch]:
    model = cast(DiffusionModel, guider.model)  # what MODEL sockets carry
    sampled = sample_parts(
        guider,
        noise,
        sampler,
        sigmas,
        latent_image,
        on_step=step_reporter(context, model),
        interrupted=context.interrupted,
    )
    return sampled.output, sampled.denoised


def _random_noise(context: NodeContext, *, noise_seed: int) -> tuple[NoiseSource]:
    return (SeededNoise(noise_seed),)


def _disable_noise(context: NodeContext) -> tuple[NoiseSource]:
    return (NoNoise(),)


def _add_noise(
    context: NodeContext,
    *,
    model: DiffusionModel,
    noise: NoiseSource,
    sigmas: Sigmas,
    latent_image: LatentBatch,
) -> tuple[LatentBatch]:
    return (with_noise(model, noise, sigmas, latent_image),)


_SAMPLER = socket("sampler", "SAMPLER", tooltip="The method that removes the noise.")
_SIGMAS = socket("sigmas", "SIGMAS", tooltip="The noise levels to walk down.")
_LATENT = socket("latent_image", "LATENT", tooltip="Where to start: an empty latent, or an encoded picture.")
_OUTPUTS = (
    output("LATENT", "output", tooltip="The latent at the last noise level."),
    output("LATENT", "denoised_output", tooltip="The model's last idea of the picture without noise."),
)

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="SamplerCustom",
            display_name="SamplerCustom",
            category="sampling/custom_sampling",
            module=_MODULE,
            description="Makes a latent picture with a sampler and noise levels of one's own choice.",
            inputs=(
                socket("model", "MODEL", tooltip="The model that removes the noise."),
                boolean("add_noise", default=True, tooltip="Off for a latent that is noisy already."),
                seed("noise_seed"),
                CFG,
                socket("positive", "CONDITIONING", tooltip="What the picture should show."),
                socket("negative", "CONDITIONING", tooltip="What it should not show."),
                _SAMPLER,
                _SIGMAS,
                _LATENT,
            ),
            outputs=_OUTPUTS,
        ),
        run=_sampler_custom,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="SamplerCustomAdvanced",
            display_name="SamplerCustomAdvanced",
            category="sampling/custom_sampling",
            module=_MODULE,
            description="Makes a latent picture with guider, noise, sampler and levels of one's own choice.",
            inputs=(
                socket("noise", "NOISE", tooltip="The noise to begin with."),
                socket("guider", "GUIDER", tooltip="The model and what guides it."),
                _SAMPLER,
                _SIGMAS,
                _LATENT,
            ),
            outputs=_OUTPUTS,
        ),
        run=_sampler_custom_advanced,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="RandomNoise",
            display_name="RandomNoise",
            category="sampling/custom_sampling/noise",
            module=_MODULE,
            description="Noise of a seed, to begin a picture with.",
            inputs=(seed("noise_seed"),),
            outputs=(output("NOISE"),),
        ),
        run=_random_noise,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="DisableNoise",
            display_name="DisableNoise",
            category="sampling/custom_sampling/noise",
            module=_MODULE,
            description="No noise, for a latent that is noisy already.",
            outputs=(output("NOISE"),),
        ),
        run=_disable_noise,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="AddNoise",
            display_name="AddNoise",
            category="_for_testing/custom_sampling/noise",
            module=_MODULE,
            description="Adds as much noise to a latent as a list of noise levels spans.",
            inputs=(
                socket("model", "MODEL", tooltip="The model that will remove it."),
                socket("noise", "NOISE"),
                socket("sigmas", "SIGMAS", tooltip="The first level less the last is the noise's strength."),
                socket("latent_image", "LATENT"),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_add_noise,
    ),
)
