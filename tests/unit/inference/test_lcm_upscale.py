"""How a picture grows while it is sampled, and when noise is drawn for it."""

import pytest
import torch

from app.inference.samplers.base import SamplerContext
from app.inference.samplers.lcm_upscale import lcm_upscale
from tests.unit.inference.toy_model import FAMILIES

SIGMAS = torch.tensor([0.9, 0.7, 0.5, 0.2, 0.0])
LATENT = torch.zeros(1, 4, 40, 60)


def widths(**options: float) -> list[int]:
    """Widths of the sample: before each step, and of the result."""
    run = lcm_upscale(LATENT, SIGMAS, SamplerContext(model_sampling=FAMILIES["eps"], seed=1), **options)  # pyright: ignore[reportArgumentType]
    seen: list[int] = []
    ask = next(run)
    while True:
        seen.append(ask.x.shape[-1])
        assert ask.x.shape[-2] * 3 == ask.x.shape[-1] * 2
        try:
            ask = run.send(ask.x / 2)
        except StopIteration as stopped:
            return [*seen, stopped.value.shape[-1]]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (0, [60, 60, 60, 60, 60]),
        (1, [60, 120, 120, 120, 120]),
        (2, [60, 90, 120, 120, 120]),
        (4, [60, 75, 90, 105, 120]),
        (-1, [60, 90, 120, 120, 120]),
    ],
)
def test_a_picture_grows_evenly_over_the_steps_that_are_wanted(steps: int, expected: list[int]) -> None:
    assert widths(scale_ratio=2.0, scale_steps=steps) == expected


def test_a_picture_that_shall_grow_for_longer_than_there_are_steps_stays_smaller() -> None:
    assert widths(scale_ratio=2.0, scale_steps=8)[-1] < 120


def test_noise_is_drawn_for_each_step_but_the_one_that_ends_without() -> None:
    torch.manual_seed(5)
    widths()
    after = torch.rand(1)

    torch.manual_seed(5)
    for _ in SIGMAS[1:-1]:
        torch.randn(LATENT.shape)

    assert torch.equal(after, torch.rand(1))
