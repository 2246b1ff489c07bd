"""Runs the recorded cases of guidance: one step with given predictions and the node's changes around it."""

from typing import Any

import torch
from torch import Tensor

from app.inference.conditioning.entry import CondEntry
from app.inference.guidance.guiders import mixed
from app.inference.guidance.predictions import Run
from app.inference.guidance_changes.self_attention_guidance import degrade
from app.inference.hooks.network import (
    NO_NETWORK_HOOKS,
    NetworkCall,
    NetworkHooks,
    Place,
)
from app.inference.models.diffusion_model import DiffusionModel
from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.stubs import stub_model
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

STEPS = (
    "CFGNorm",
    "CFGZeroStar",
    "PerpNeg",
    "PerturbedAttentionGuidance",
    "RescaleCFG",
    "SelfAttentionGuidance",
)
EMPTY = (CondEntry(tokens=torch.zeros(1, 1, 1)),)


class OnePrediction:
    """Answers every further question with the same prediction, and notes what was shown to it."""

    def __init__(self, prediction: Tensor) -> None:
        self._prediction = prediction
        self.shown: list[Tensor] = []

    def __call__(
        self,
        x: Tensor,
        sigma: Tensor,
        wanted: tuple[int, ...],
        hooks: NetworkHooks = NO_NETWORK_HOOKS,
        *,
        further: bool = False,
    ) -> list[Tensor]:
        assert further
        self.shown.append(x)
        return [self._prediction]

    def number_of(self, conditioning: Any, *, negative: bool = False) -> int:
        return 2


def step(case: Case, context: RecordingContext) -> Seen:
    """Mix both predictions at one level."""
    given = case["in"]
    inputs = {"model": stub_model(given["model_sampling"]), **given["params"]}
    if case["node"] == "PerpNeg":
        inputs["empty_conditioning"] = EMPTY
    model: DiffusionModel = call(context, case["node"], inputs)["out"][0]
    x, sigma = value(given["x"]), torch.tensor(given["sigma"])
    run = Run(model=model, latent=x, sigmas=torch.stack([sigma, torch.tensor(0.0)]))
    if "attention" in case:
        _show_attention(model, run, x)
    further: Any = OnePrediction(value(given["extra_denoised"]))
    positive, negative = value(given["cond_denoised"]), value(given["uncond_denoised"])

    guided = mixed(run, further, x, sigma, given["cfg"], positive, negative)

    shown = {"extra_call_x": further.shown[0]} if further.shown else {}
    return {"out": [guided.denoised], "extra_calls": len(further.shown), **shown}


def _show_attention(model: DiffusionModel, run: Run, x: Tensor) -> None:
    """One batched call with both sides, as the case's note has it: two heads of two channels."""
    b, t, c = torch.meshgrid(*(torch.arange(size) for size in (2, 4, 4)), indexing="ij")
    q = ((3 * b + 5 * t + 7 * c) % 11 - 5).float() / 4
    network_call = NetworkCall(
        sigma=run.sigmas[0],
        sides=(0, 1),
        entries=(1, 2),
        height=x.shape[-2],
        width=x.shape[-1],
        model_sampling=model.model_sampling,
        memory=run.memory,
    )
    for hook in model.network_hooks.attention_core:
        assert hook(q, 0.5 * q.flip(1), q, 2, Place("middle", 0, 0, "self"), network_call) is None


def blur(case: Case, context: RecordingContext) -> Seen:
    """The degraded prediction alone."""
    assert case["in"]["threshold"] == 1.0
    h, i, j = torch.meshgrid(*(torch.arange(size) for size in (2, 4, 4)), indexing="ij")
    attention = (((3 * h + 5 * i + 7 * j) % 11 - 5).float() / 2).softmax(dim=-1)
    return {"out": degrade(value(case["in"]["x0"]), attention[None], case["in"]["sigma"])}


def denoise_mask(case: Case, context: RecordingContext) -> Seen:
    """The mask that holds at a level."""
    given = case["in"]
    inputs = {"model": value(given["model"]), "strength": given["strength"]}
    model: DiffusionModel = call(context, case["node"], inputs)["out"][0]
    assert model.guidance_hooks.mask_at_step is not None
    mask = model.guidance_hooks.mask_at_step(
        value(given["denoise_mask"]),
        torch.tensor(given["sigma"]),
        torch.tensor(given["sigmas of the run"]),
        model.model_sampling,
    )
    return {"out": [mask]}


RUNNERS: dict[tuple[str | None, str], Runner] = {
    **{("cfg", node): step for node in STEPS},
    ("denoise_mask", "DifferentialDiffusion"): denoise_mask,
    ("sag_blur", "SelfAttentionGuidance"): blur,
}
