"""Nodes that sample: noise becomes a latent picture, step by step."""

from app.graph.node_schema import MAX_SEED, InputSchema, NodeSchema
from app.inference.conditioning import Conditioning
from app.inference.ksample import SamplingPlan, ksample
from app.inference.latents import LatentBatch
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.preview import PreviewThrottle, latent_preview
from app.inference.sample import OnStep
from app.inference.samplers.registry import SAMPLERS
from app.inference.schedules import SCHEDULERS
from app.inference.types import Latent
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, integer, number, output, socket


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
        on_step=_reporter(context, model),
        interrupted=context.interrupted,
    )
    return (latent.with_samples(samples),)


def _reporter(context: NodeContext, model: DiffusionModel) -> OnStep:
    """Tells of every step, and shows a preview now and then, the first step's included."""
    throttle = PreviewThrottle()

    def report(step: int, total: int, denoised: Latent, _x: Latent) -> None:
        if context.preview_method != "none" and throttle.due():
            context.preview(latent_preview(denoised, model.preview_factors, context.preview_size))
        context.progress(step + 1, total)

    return report


def _seed(name: str) -> InputSchema:
    return integer(
        name,
        default=0,
        low=0,
        high=MAX_SEED,
        control_after_generate=True,
        tooltip="The same seed gives the same noise, and with it the same picture.",
    )


_STEPS = integer("steps", default=20, low=1, high=10000, tooltip="More steps take longer and refine more.")
_CFG = number(
    "cfg",
    default=8.0,
    low=0.0,
    high=100.0,
    step=0.1,
    round=0.01,
    tooltip="How strongly the picture follows the text; 1 ignores the negative one.",
)
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
                _seed("seed"),
                _STEPS,
                _CFG,
                *_METHOD,
                number(
                    "denoise",
                    default=1.0,
                    low=0.0,
                    high=1.0,
                    step=0.01,
                    tooltip="Share of the noise: below 1 the starting picture shines through.",
                ),
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
                _seed("noise_seed"),
                _STEPS,
                _CFG,
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
