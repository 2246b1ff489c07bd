"""Noise against recorded numbers; two units in the last place may differ between builds of torch."""

from itertools import pairwise

import pytest
import torch

from app.inference.noise.generators import BrownianNoise, GaussianNoise, initial_noise, no_noise, seeded_noise
from app.inference.noise.seeds import SEED_LIMIT, following_seed
from tests.unit.inference.golden import golden

RECORDED = golden("noise")


def assert_same(actual: torch.Tensor, name: str) -> None:
    expected = torch.tensor(RECORDED[name], dtype=actual.dtype)
    spacing = torch.finfo(actual.dtype).eps * expected.abs().clamp(min=torch.finfo(actual.dtype).tiny)
    assert actual.numel() == expected.numel()
    assert ((actual.flatten() - expected).abs() <= 2 * spacing).all()


@pytest.mark.parametrize(
    ("name", "shape", "seed"),
    [
        ("seed42 [1,4,4,4]", (1, 4, 4, 4), 42),
        ("prepare_noise seed7 [3,4,2,2]", (3, 4, 2, 2), 7),
        ("prepare_noise seed 18446744073709551615 [1,4,2,2]", (1, 4, 2, 2), SEED_LIMIT - 1),
        ("prepare_noise seed 0 [1,3,3,3] (27 values, not a multiple of 16)", (1, 3, 3, 3), 0),
        ("prepare_noise seed 0 [2,3,3,3] (54 values)", (2, 3, 3, 3), 0),
    ],
)
def test_initial_noise_is_the_recorded_one(name: str, shape: tuple[int, ...], seed: int) -> None:
    assert_same(initial_noise(torch.zeros(shape), seed), name)


def test_noise_has_the_dtype_of_the_latent() -> None:
    noise = initial_noise(torch.zeros(1, 4, 2, 2, dtype=torch.float16), 7)

    assert_same(noise, "fp16 seed7 [1,4,2,2]")


def batch_index_name() -> str:
    return next(name for name in RECORDED if "batch_index" in name)


def test_pictures_keep_the_noise_of_their_place_in_a_batch() -> None:
    noise = initial_noise(torch.zeros(3, 4, 2, 2), 7, [5, 2, 2])

    assert_same(noise, batch_index_name())
    assert torch.equal(noise[1], noise[2])


def test_first_ancestral_draw_equals_the_initial_noise() -> None:
    latent = torch.zeros(1, 4, 4, 4)

    assert torch.equal(GaussianNoise(latent, 42)(), initial_noise(latent, 42))


def test_brownian_increments_are_the_recorded_ones() -> None:
    levels = torch.tensor([14.6, 5.0, 1.0, 0.03])
    noise = BrownianNoise(torch.zeros(1, 4, 2, 2), levels, 42)

    names = [name for name in RECORDED if "step(" in name]
    for name, (sigma, sigma_next) in zip(names, pairwise(levels), strict=True):
        expected = torch.tensor(RECORDED[name])
        assert torch.allclose(noise(sigma, sigma_next).flatten(), expected, rtol=1e-6, atol=1e-7)


def test_noise_of_a_seed_does_not_touch_the_global_stream() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()

    seeded_noise(torch.zeros(1, 4, 2, 2), 5)

    assert torch.equal(before, torch.get_rng_state())


def test_after_the_largest_seed_comes_zero() -> None:
    assert following_seed(SEED_LIMIT - 1) == 0
    assert following_seed(7) == 8


def test_run_without_noise_still_sets_the_generator_that_hooks_draw_from() -> None:
    torch.manual_seed(99)
    noise = no_noise(torch.zeros(1, 4, 2, 2), seed=7)
    drawn = torch.rand(3)

    assert not noise.any()
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(7)))
