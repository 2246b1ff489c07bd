"""Samplers that see the negative side: where it answers as the guided one does, they are the plain ones."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from app.inference.guidance.guided import Guided
from app.inference.sample import sample
from app.inference.samplers.base import Ask, AskBoth, SamplerContext
from app.inference.samplers.registry import SAMPLERS
from tests.unit.inference.toy_model import FAMILIES, ToyModel, guider

SIGMAS = torch.tensor([10.0, 6.0, 3.0, 1.0, 0.2, 0.0])
START = torch.randn([1, 4, 2, 2], generator=torch.Generator().manual_seed(3)) * 10
CFG_PP = [name for name in SAMPLERS if name.endswith("_cfg_pp")]


MIXES_QUESTIONS = "dpmpp_2s_ancestral_cfg_pp"  # sets the second answer's negative against the first's whole


def squeezed(ask: Ask) -> torch.Tensor:
    return torch.tanh(ask.x / (1 + ask.sigma**2))


def walked(
    name: str,
    negative: Callable[[torch.Tensor], torch.Tensor],
    answered: Callable[[Ask], torch.Tensor] = squeezed,
) -> torch.Tensor:
    run = SAMPLERS[name].method(START, SIGMAS, SamplerContext(model_sampling=FAMILIES["eps"], seed=1))
    answer: Any = None
    while True:
        try:
            ask: Ask = run.send(answer)
        except StopIteration as finished:
            return finished.value
        denoised = answered(ask)
        answer = Guided(denoised, negative(denoised)) if isinstance(ask, AskBoth) else denoised


@pytest.mark.parametrize("name", [name for name in CFG_PP if name != MIXES_QUESTIONS])
def test_equal_sides_make_the_plain_sampler(name: str) -> None:
    plain = walked(name.removesuffix("_cfg_pp"), lambda denoised: denoised)

    assert torch.allclose(walked(name, lambda denoised: denoised), plain, atol=2e-5)


def test_equal_sides_make_the_plain_sampler_where_the_answer_is_the_same_everywhere() -> None:
    picture = torch.linspace(-1, 1, 16).reshape(START.shape)

    plain, both = (
        walked(name, lambda denoised: denoised, lambda _ask: picture)
        for name in (MIXES_QUESTIONS.removesuffix("_cfg_pp"), MIXES_QUESTIONS)
    )

    assert torch.allclose(both, plain, atol=2e-5)


@pytest.mark.parametrize("name", CFG_PP)
def test_the_negative_side_counts(name: str) -> None:
    equal = walked(name, lambda denoised: denoised)

    assert (walked(name, lambda denoised: denoised - 0.1) - equal).abs().max() > 1e-3


@pytest.mark.parametrize("name", CFG_PP)
def test_the_negative_side_is_evaluated_even_where_guidance_does_not_need_it(name: str) -> None:
    model = ToyModel(model_sampling=FAMILIES["eps"])

    sample(guider(model, 1.0), torch.zeros(1, 4, 2, 2), START / 10, SAMPLERS[name], SIGMAS, seed=1)

    assert set(model.batch_sizes) == {2}
