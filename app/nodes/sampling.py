"""Nodes that sample: noise becomes a latent picture, step by step."""

from app.graph.node_schema import NodeSchema
from app.inference.conditioning.entry import Conditioning
from app.inference.ksample import SamplingPlan, ksample
from app.inference.latents.batch import LatentBatch
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.samplers.registry import SAMPLERS
from app.inference.schedules.schedulers import SCHEDULERS
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, output, socket
from app.nodes.sampling_inputs import CFG, denoise, seed, steps
from app.nodes.step_reports import step_reporter


def _ksampler(
    context: NodeContext,
    *,
    model: DiffusionModel,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: LatentBatch,
    denoise: float,
) -> tuple[LatentBatch]:
    plan = SamplingPlan(sampler=sampler_name, scheduler=scheduler, steps=steps, denoise=denoise)
    return _sample(context, model, positive, negative, latent_image, plan, cfg=cfg, seed=seed)


def _ksampler_advanced(
    context: NodeContext,
    *,
    model: DiffusionModel,
    add_noise: str,
    noise_seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: LatentBatch,
    start_at_step: int,
    end_at_step: int,
    return_with_leftover_noise: str,
) -> tuple[LatentBatch]:
    plan = SamplingPlan(
        sampler=sampler_name,
        scheduler=scheduler,
        steps=steps,
        start_step=start_at_step,
        end_step=end_at_step,
        leftover_noise=return_with_leftover_noise == "enable",
    )
    noisy = add_noise == "enable"
    return _sample(
        context, model, positive, negative, latent_image, plan, cfg=cfg, seed=noise_seed, add_noise=noisy
    )


def _sample(
    context: NodeContext,
    model: DiffusionModel,
    positive: Conditioning,
    negative: Conditioning,
    latent: LatentBatch,
    plan: SamplingPlan,
    *,
    cfg: float,
    seed: int,
    add_noise: bool = True,
) -> tuple[LatentBatch]:
    samples = ksample(
        model,
        latent.samples,
        positive,
        negative,
        plan,
        cfg=cfg,
        seed=seed,
        add_noise=add_noise,
        noise_mask=latent.noise_mask,
        batch_index=latent.batch_index,
        on_step=step_reporter(context, model),
        interrupted=context.interrupted,
    )
    return (latent.with_samples(samples),)


_METHOD = (
    choice("sampler_name", tuple(SAMPLERS), tooltip="The method that removes the noise."),
    choice("scheduler", tuple(SCHEDULERS), tooltip="How the steps are spread over the noise levels."),
    socket("positive", "CONDITIONING", tooltip="What the picture should show."),
    socket("negative", "CONDITIONING", tooltip="What it should not show."),
    socket("latent_image", "LATENT", tooltip="Where to start: an empty latent, or an encoded picture."),
)

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="KSampler",
            display_name="KSampler",
            category="sampling",
            description="Makes a latent picture out of noise with a model, guided by two texts.",
            inputs=(
                socket("model", "MODEL", tooltip="The model that removes the noise."),
                seed("seed"),
                steps(),
                CFG,
                *_METHOD,
                denoise(),
            ),
            outputs=(output("LATENT", tooltip="The denoised latent."),),
        ),
        run=_ksampler,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="KSamplerAdvanced",
            display_name="KSampler (Advanced)",
            category="sampling",
            description="KSampler that runs a stretch of the steps, so that several can follow each other.",
            inputs=(
                socket("model", "MODEL", tooltip="The model that removes the noise."),
                choice("add_noise", ("enable", "disable"), tooltip="Disable it for a latent that is noisy."),
                seed("noise_seed"),
                steps(),
                CFG,
                *_METHOD,
                integer("start_at_step", default=0, low=0, high=10000),
                integer("end_at_step", default=10000, low=0, high=10000),
                choice("return_with_leftover_noise", ("disable", "enable")),
            ),
            outputs=(output("LATENT", tooltip="The denoised latent."),),
        ),
        run=_ksampler_advanced,
    ),
)
