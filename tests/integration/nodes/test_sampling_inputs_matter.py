"""Each input of each sampling node changes what comes of it; nothing is declared and ignored.

Levels are compared as lists, models by the answers and levels they give, samplers, guiders and noise by what
they sample with an analytic model.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from app.graph.node_schema import InputSchema
from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.custom_sample import sample_parts
from app.inference.latents.batch import LatentBatch
from app.inference.model_sampling import ModelSampling, families
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.noise.sources import NoNoise, SeededNoise
from app.inference.pictures.preview import SD1_PREVIEW, LatentRgb
from app.inference.samplers.base import Sampler
from app.inference.samplers.registry import SAMPLERS
from app.nodes import custom_sampling, guiders, model_sampling, samplers, sampling, schedulers, sigmas
from tests.integration.nodes.recorded_nodes.calls import NODES
from tests.integration.nodes.recorded_nodes.stubs import stub_model
from tests.unit.inference.toy_model import FAMILIES, NEGATIVE, POSITIVE, ToyModel, guider
from tests.unit.nodes.recording_context import RecordingContext

MODULES = (custom_sampling, guiders, model_sampling, samplers, sampling, schedulers, sigmas)
REFUSED = {"GITSScheduler"}
FAR = torch.tensor([14.0, 9.0, 5.0, 2.0, 1.0, 0.4, 0.1, 0.0])
NEAR = torch.tensor([0.9, 0.7, 0.5, 0.3, 0.1, 0.0])  # for a flow, where the second model's shares differ
PICTURE = LatentBatch(samples=torch.linspace(-1, 1, 64).reshape(1, 4, 4, 4))
OTHER_PICTURE = LatentBatch(samples=PICTURE.samples.flip(-1))
MIDDLE: Conditioning = (CondEntry(tokens=torch.full((1, 1, 1), 0.4)),)


@dataclass(kw_only=True)
class ThreeSided(ToyModel):
    """Answers a third conditioning in a way of its own, and remembers nothing."""

    strength: float = 1.0
    preview_factors: LatentRgb = SD1_PREVIEW

    def denoise(self, x: Tensor, feed: Any, call: Any, hooks: Any) -> Tensor:
        answer = super().denoise(x, feed, call, hooks)
        return self.strength * (answer + 0.2 * torch.cos(5 * feed.context[:, :1, :1].unsqueeze(-1)))


MODEL = ThreeSided(model_sampling=FAMILIES["eps"])
OTHER_MODEL = ThreeSided(model_sampling=FAMILIES["eps"], strength=0.9)
FLOW = stub_model("flux")
SD1 = stub_model("sd1_eps")


@dataclass(frozen=True)
class Start:
    """Inputs to begin with, over the declared defaults, and other values for those without a plain other."""

    inputs: dict[str, Any] = field(default_factory=dict)
    others: dict[str, list[Any]] = field(default_factory=dict)


LEVELS = Start({"sigmas": FAR}, {"sigmas": [FAR / 2]})
ON_MODEL = Start({"model": SD1}, {"model": [FLOW]})
CHANGED = Start({"model": SD1}, {"model": [replace(SD1, latent_format=None)]})
SMALL_FLUX = replace(CHANGED, inputs={"model": SD1, "width": 512})
SAMPLED: dict[str, Any] = {
    "positive": POSITIVE,
    "negative": NEGATIVE,
    "latent_image": PICTURE,
    "model": MODEL,
}
OTHERS: dict[str, list[Any]] = {
    "model": [OTHER_MODEL],
    "positive": [NEGATIVE],
    "negative": [MIDDLE],
    "latent_image": [OTHER_PICTURE],
    "sampler": [SAMPLERS["heun"]],
    "sigmas": [FAR / 2],
    "noise": [SeededNoise(2), NoNoise()],
    "guider": [guider(OTHER_MODEL)],
}
STARTS = {
    "BasicScheduler": ON_MODEL,
    "ModelSamplingFlux": SMALL_FLUX,
    "SDTurboScheduler": Start({"model": SD1, "steps": 4}, {"model": [FLOW]}),
    "BetaSamplingScheduler": ON_MODEL,
    "SamplingPercentToSigma": Start({"model": SD1, "sampling_percent": 0.0}, {"model": [FLOW]}),
    "SplitSigmas": Start({"sigmas": FAR, "step": 2}, {"sigmas": [FAR / 2]}),
    "SplitSigmasDenoise": LEVELS,
    "FlipSigmas": LEVELS,
    "SetFirstSigma": LEVELS,
    "ExtendIntermediateSigmas": Start(
        {"sigmas": FAR, "start_at_sigma": 13.0, "end_at_sigma": 4.0, "steps": 3},
        {"sigmas": [FAR / 2], "start_at_sigma": [-1.0], "end_at_sigma": [8.0]},
    ),
    "SamplerSASolver": Start(
        {
            "model": SD1,
            "use_pece": False,
            "simple_order_2": False,
            "predictor_order": 2,
            "corrector_order": 2,
        },
        {"model": [FLOW], "sde_start_percent": [0.6], "sde_end_percent": [0.4]},
    ),
    "SamplerER_SDE": Start({"solver_type": "Reverse-time SDE"}),
    "SamplerDPMAdaptative": Start(
        {"pcoeff": 0.1, "dcoeff": 0.1, "eta": 0.5, "h_init": 1.5, "rtol": 0.01, "atol": 0.001},
        {"accept_safety": [0.2]},
    ),
    "SamplerLCMUpscale": Start({"scale_ratio": 2.0, "scale_steps": 2}),
    "BasicGuider": Start({"model": MODEL, "conditioning": POSITIVE}, {**OTHERS, "conditioning": [MIDDLE]}),
    "CFGGuider": Start({"model": MODEL, "positive": POSITIVE, "negative": NEGATIVE}, OTHERS),
    "DualCFGGuider": Start(
        {"model": MODEL, "cond1": POSITIVE, "cond2": MIDDLE, "negative": NEGATIVE, "cfg_conds": 3.0},
        {**OTHERS, "cond1": [MIDDLE], "cond2": [POSITIVE]},
    ),
    "KSampler": Start({**SAMPLED, "steps": 4, "denoise": 0.8}, OTHERS),
    "KSamplerAdvanced": Start({**SAMPLED, "steps": 4, "end_at_step": 3}, {**OTHERS, "end_at_step": [2]}),
    "SamplerCustom": Start({**SAMPLED, "sampler": SAMPLERS["euler"], "sigmas": FAR}, OTHERS),
    "SamplerCustomAdvanced": Start(
        {
            "noise": SeededNoise(1),
            "guider": guider(MODEL),
            "sampler": SAMPLERS["euler"],
            "sigmas": FAR,
            "latent_image": PICTURE,
        },
        OTHERS,
    ),
    "AddNoise": Start(
        {"model": SD1, "noise": SeededNoise(1), "sigmas": FAR, "latent_image": PICTURE},
        {**OTHERS, "model": [replace(SD1, model_sampling=FAMILIES["flow"])]},
    ),
}
INPUTS = [
    (node.schema.class_type, declared)
    for module in MODULES
    for node in module.NODES
    for declared in node.schema.inputs
    if node.schema.class_type not in REFUSED
]


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    made = RecordingContext(tmp_path)
    made.preview_method = "none"
    return made


@pytest.mark.parametrize(
    ("class_type", "declared"), INPUTS, ids=lambda each: each if isinstance(each, str) else each.name
)
def test_input_changes_what_comes_of_the_node(
    context: RecordingContext, class_type: str, declared: InputSchema
) -> None:
    inputs = starting_inputs(class_type)
    begun = outcome(context, class_type, inputs)

    assert torch.equal(begun, outcome(context, class_type, inputs))
    assert any(
        differ(begun, outcome(context, class_type, {**inputs, declared.name: other}))
        for other in others(class_type, declared, inputs[declared.name])
    )


def starting_inputs(class_type: str) -> dict[str, Any]:
    schema = NODES[class_type].schema
    inputs = {
        each.name: each.options.get("default", each.choices[0] if each.choices else None)
        for each in schema.inputs
    }
    start = STARTS.get(class_type, CHANGED if class_type.startswith("ModelSampling") else Start())
    return {**inputs, **start.inputs}


def others(class_type: str, declared: InputSchema, now: Any) -> list[Any]:
    start = STARTS.get(class_type, CHANGED if class_type.startswith("ModelSampling") else Start())
    if declared.name in start.others:
        return start.others[declared.name]
    match declared.type:
        case "INT" | "FLOAT":
            low, high = declared.options["min"], declared.options["max"]
            steps = (1, -1) if declared.type == "INT" else (0.3, -0.3, 300.0)
            return [now + step for step in steps if low <= now + step <= high]
        case "BOOLEAN":
            return [not now]
        case _:
            return [each for each in declared.choices or () if each != now]


def outcome(context: RecordingContext, class_type: str, inputs: dict[str, Any]) -> Tensor:
    """All numbers that come of the node's outputs."""
    outputs = NODES[class_type].run(context, **inputs)
    assert isinstance(outputs, tuple)
    return torch.cat([numbers(each).flatten().double() for each in outputs])


def numbers(value: Any) -> Tensor:
    match value:
        case Tensor():
            return value
        case float():
            return torch.tensor(value)
        case LatentBatch():
            return value.samples
        case Sampler():
            # two sets of levels: on the second a share of the schedule means another level to another family
            place = torch.tensor([float(device_of_noise(value))])
            return torch.cat([place, *(sampled(value, levels) for levels in (FAR, NEAR))])
        case SeededNoise() | NoNoise():
            return value.draw(PICTURE)
        case DiffusionModel():
            return answers(value.model_sampling, value)
        case _:
            return sample_parts(value, SeededNoise(1), SAMPLERS["euler"], FAR, PICTURE).output.samples


def device_of_noise(sampler: Sampler) -> bool:
    """Whether noise comes from the CPU, which makes no difference where everything is there."""
    return isinstance(sampler.method, partial) and sampler.method.keywords.get("tree_on_cpu", True)


def sampled(sampler: Sampler, levels: Tensor) -> Tensor:
    torch.manual_seed(0)
    model = ToyModel(model_sampling=families.discrete())
    return sample_parts(guider(model), SeededNoise(1), sampler, levels, PICTURE).output.samples.flatten()


def answers(model_sampling: ModelSampling, model: DiffusionModel) -> Tensor:
    sigma, x = torch.tensor(0.5), PICTURE.samples
    untouched = torch.tensor([float(model.latent_format is None)])  # what else the model is made of
    parts = [
        model_sampling.sigmas[[0, 25, -1]],
        model_sampling.timestep(sigma).flatten(),
        model_sampling.network_input(x, sigma).flatten(),
        model_sampling.denoised(x, sigma, x.flip(-1)).flatten(),
        untouched,
    ]
    return torch.cat(parts)


def differ(first: Tensor, second: Tensor) -> bool:
    assert second.isfinite().all()
    return first.shape != second.shape or not torch.equal(first, second)
