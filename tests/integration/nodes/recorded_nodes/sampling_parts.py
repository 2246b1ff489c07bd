"""Runs the recorded cases of guiders, noise and model sampling: parts that a sampler would call."""

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.denoiser import ExtraInputs, Feed
from app.inference.guidance.predictions import Run
from app.inference.hooks.guidance import NO_GUIDANCE_HOOKS, GuidanceHooks
from app.inference.hooks.network import NetworkCall, NetworkHooks
from app.inference.latents.format import SD1_LATENT, LatentFormat
from app.inference.model_sampling import ModelSampling, families
from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

PROBED = ("x", "network output")  # recorded as inputs, but the new model gets them, not the node
SIDES = {"empty": "empty_conditioning"}  # names of inputs, where the record has another
OF_GUIDER = ("x", "sigma", "outputs in call order")


@dataclass(kw_only=True)
class AnsweringModel:
    """Answers with given predictions: the text states of an entry say with which."""

    answers: list[Tensor]
    asked: set[int] = field(default_factory=set)
    model_sampling: ModelSampling = field(default_factory=families.discrete)
    latent_format: LatentFormat = SD1_LATENT
    guidance_hooks: GuidanceHooks = NO_GUIDANCE_HOOKS
    channels: int = 4
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def extra_inputs(
        self, entry: CondEntry, *, negative: bool, latent: Tensor, mask: Tensor | None
    ) -> ExtraInputs:
        return ExtraInputs()

    def at_work(self) -> AbstractContextManager[None]:
        return nullcontext()

    def denoise(self, x: Tensor, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Tensor:
        numbers = [int(each.item()) for each in feed.context[:, 0, 0]]
        self.asked |= set(numbers)
        return torch.cat([self.answers[number] for number in numbers])


def guider(case: Case, context: RecordingContext) -> Seen:
    """Let the guider of the node mix the recorded predictions once."""
    given = case["in"]
    model = AnsweringModel(answers=[value(each) for each in given["outputs in call order"]])
    sides: dict[str, Conditioning] = {
        "conditioning" if case["node"] == "BasicGuider" else SIDES.get(str(name), str(name)): _text(number)
        for number, name in enumerate(case["call_order"])
        if name != "(none)"
    }
    inputs = {name: each for name, each in given.items() if name not in OF_GUIDER}
    (made,) = call(context, case["node"], {"model": model, **sides, **inputs})["out"]
    x, sigma = value(given["x"]), torch.tensor(given["sigma"])

    predict = made.begin(Run(model=model, latent=x, sigmas=torch.tensor([given["sigma"], 0.0])))
    guided = predict(x, sigma)

    evaluated = [number in model.asked for number in range(len(case["call_order"]))]
    return {"out": [guided.denoised], "evaluated": [evaluated], "call_order": case["call_order"]}


def noise(case: Case, context: RecordingContext) -> Seen:
    """Draw the noise of the node for the recorded latent."""
    inputs = {name: each for name, each in case["in"].items() if name != "latent"}
    (source,) = call(context, case["node"], inputs)["out"]
    return {"out": [source.draw(value(case["in"]["latent"]))]}


def add_noise(case: Case, context: RecordingContext) -> Seen:
    """The node with noise of the recorded seed."""
    inputs = {name: value(each) for name, each in case["in"].items() if name != "noise_seed"}
    (source,) = call(context, "RandomNoise", {"noise_seed": case["in"]["noise_seed"]})["out"]
    return call(context, case["node"], {**inputs, "noise": source})


def model_sampling(case: Case, context: RecordingContext) -> Seen:
    """Ask the changed model what was asked when the case was recorded."""
    inputs = {name: value(each) for name, each in case["in"].items() if name not in PROBED}
    (model,) = call(context, case["node"], inputs)["out"]
    sampling: ModelSampling = model.model_sampling
    x, output = (value(case["in"][name]) for name in PROBED)
    recorded: dict[str, Any] = case["out"][0]
    middle = math.sqrt(sampling.sigma_min * sampling.sigma_max)
    sigma = torch.tensor(middle)
    probes = {
        "sigma_min": sampling.sigma_min,
        "sigma_max": sampling.sigma_max,
        "n_sigmas": len(sampling.sigmas),
        "sigmas": {place: sampling.sigmas[int(place)].item() for place in recorded["sigmas"]},
        "timestep": [
            [level, sampling.timestep(torch.tensor(float(level))).item()] for level, _ in recorded["timestep"]
        ],
        "percent_to_sigma": [
            [percent, sampling.percent_to_sigma(percent)] for percent, _ in recorded["percent_to_sigma"]
        ],
        "calculate_input": sampling.network_input(x, sigma),
        "calculate_denoised": sampling.denoised(x, sigma, output),
        "at_sigma": middle,
    }
    return {"out": [probes]}


def percent_to_sigma(case: Case, context: RecordingContext) -> Seen:
    """The plain call; where a tensor of one number was recorded, a number is given here."""
    seen = call(context, case["node"], {name: value(each) for name, each in case["in"].items()})
    if isinstance(case["out"][0], dict):
        return {"out": [torch.tensor(seen["out"][0])]}
    return seen


def _text(number: int) -> Conditioning:
    return (CondEntry(tokens=torch.full((1, 1, 1), float(number))),)


RUNNERS: dict[tuple[str | None, str], Runner] = {
    ("guider", "BasicGuider"): guider,
    ("guider", "CFGGuider"): guider,
    ("guider", "DualCFGGuider"): guider,
    ("guider", "PerpNegGuider"): guider,
    ("model_sampling", "*"): model_sampling,
    (None, "RandomNoise"): noise,
    (None, "DisableNoise"): noise,
    (None, "AddNoise"): add_noise,
    (None, "SamplingPercentToSigma"): percent_to_sigma,
}
