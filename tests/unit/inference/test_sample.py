"""The driver's own rules: callbacks, interruption, masks, formats, lists with nothing to walk."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from app.inference.conditioning.entry import CondEntry
from app.inference.denoiser import Feed
from app.inference.hooks.network import NetworkCall, NetworkHooks
from app.inference.interrupts import Interrupted
from app.inference.ksample import SamplingPlan, ksample
from app.inference.latents.format import SD1_LATENT
from app.inference.noise.generators import initial_noise, seeded_noise
from app.inference.sample import (
    ChannelMismatch,
    MaskOfAnotherSize,
    OnStep,
    ZeroLevel,
    fit_mask,
    sample,
    with_channels,
)
from app.inference.samplers.base import Sampler
from app.inference.samplers.lcm_upscale import lcm_upscale
from app.inference.samplers.registry import SAMPLERS
from tests.unit.inference.toy_model import FAMILIES, NEGATIVE, POSITIVE, ToyModel, guider

SIGMAS = torch.tensor([10.0, 5.0, 1.0, 0.0])
EMPTY = torch.zeros(1, 4, 2, 2)
PICTURE = torch.linspace(-1, 1, 16).reshape(1, 4, 2, 2)


def toy(family: str = "eps") -> ToyModel:
    return ToyModel(model_sampling=FAMILIES[family])


def run(
    model: ToyModel,
    sampler: str = "euler",
    latent: torch.Tensor = EMPTY,
    *,
    sigmas: torch.Tensor = SIGMAS,
    noise_mask: torch.Tensor | None = None,
    on_step: OnStep | None = None,
    interrupted: Callable[[], bool] | None = None,
) -> torch.Tensor:
    return sample(
        guider(model),
        latent,
        initial_noise(latent, 1),
        SAMPLERS[sampler],
        sigmas,
        seed=1,
        noise_mask=noise_mask,
        on_step=on_step,
        interrupted=interrupted,
    )


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "dpm_adaptive"])
def test_every_finished_step_is_reported_once_and_the_last_one_ends_it(sampler: str) -> None:
    steps: list[tuple[int, int]] = []
    samples: list[torch.Tensor] = []

    def on_step(step: int, total: int, denoised: torch.Tensor, x: torch.Tensor) -> None:
        assert denoised.shape == x.shape
        steps.append((step, total))
        samples.append(x)

    result = run(toy(), sampler, on_step=on_step)

    assert steps == [(0, 3), (1, 3), (2, 3)]
    assert torch.equal(samples[-1], result)


def test_steps_chosen_by_the_sampler_are_reported_by_their_share_of_the_way() -> None:
    steps: list[tuple[int, int]] = []
    samples: list[torch.Tensor] = []

    def on_step(step: int, total: int, denoised: torch.Tensor, x: torch.Tensor) -> None:
        steps.append((step, total))
        samples.append(x)

    result = run(toy(), "dpm_adaptive", sigmas=torch.tensor([10.0, *([1.0] * 6), 0.1, 0.0]), on_step=on_step)

    assert steps == sorted(set(steps))
    assert len(steps) >= 3
    assert steps[0][0] == 0
    assert steps[-1] == (7, 8)
    assert torch.equal(samples[-1], result)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_interruption_is_heard_before_the_next_model_call(sampler: str, allowed: int) -> None:
    model = toy()

    with pytest.raises(Interrupted):
        run(model, sampler, interrupted=lambda: model.calls >= allowed)

    assert model.calls == allowed


def test_interruption_is_heard_between_the_calls_of_one_step() -> None:
    model = toy()
    far_apart = (CondEntry(tokens=torch.ones(1, 77, 1)), CondEntry(tokens=torch.ones(1, 5 * 77, 1)))

    with pytest.raises(Interrupted):
        sample(
            guider(model, 1.0, far_apart, ()),
            EMPTY,
            EMPTY,
            SAMPLERS["euler"],
            SIGMAS,
            seed=1,
            interrupted=lambda: model.calls >= 1,
        )

    assert model.calls == 1


def test_empty_list_returns_the_latent_untouched() -> None:
    model = toy()

    assert run(model, latent=PICTURE, sigmas=torch.empty(0)) is PICTURE
    assert model.calls == 0


def test_one_level_is_the_noisy_latent() -> None:
    result = run(toy(), latent=PICTURE, sigmas=torch.tensor([2.0]))

    assert torch.allclose(result, PICTURE + 2 * initial_noise(PICTURE, 1))


@pytest.mark.parametrize("levels", [[0.0, 1.0], [3.0, 0.0, 0.0], [3.0, -1.0, 0.0]])
def test_a_level_of_zero_before_the_last_is_refused_with_advice(levels: list[float]) -> None:
    with pytest.raises(ZeroLevel, match="FlipSigmas"):
        run(toy(), sigmas=torch.tensor(levels))


def test_a_single_level_of_zero_is_the_latent() -> None:
    assert torch.equal(run(toy(), latent=PICTURE, sigmas=torch.tensor([0.0])), PICTURE)


@pytest.mark.parametrize("scale_ratio", [2.0, 1.0])
def test_a_mask_cannot_follow_a_picture_that_grows(scale_ratio: float) -> None:
    grows = Sampler(method=partial(lcm_upscale, scale_ratio=scale_ratio, upscale_method="bilinear"))

    def sampled() -> torch.Tensor:
        mask = torch.ones(2, 2)
        return sample(guider(toy()), EMPTY, initial_noise(EMPTY, 1), grows, SIGMAS, seed=1, noise_mask=mask)

    if scale_ratio == 1:
        assert sampled().shape == EMPTY.shape
    else:
        with pytest.raises(MaskOfAnotherSize, match="noise mask"):
            sampled()


def test_flow_at_full_noise_returns_the_latent() -> None:
    result = run(toy("flow"), latent=PICTURE, sigmas=torch.tensor([1.0]))

    assert torch.equal(result, PICTURE)


def test_top_of_the_schedule_gets_the_variance_of_picture_and_noise() -> None:
    top = FAMILIES["eps"].sigma_max
    noise = initial_noise(EMPTY, 1)

    within = run(toy(), sigmas=torch.tensor([top * (1 - 0.9e-5)]))
    below = run(toy(), sigmas=torch.tensor([top * (1 - 3e-5)]))
    above = run(toy(), sigmas=torch.tensor([top * 2]))

    assert torch.allclose(within, noise * (1 + top**2) ** 0.5, rtol=2e-5)
    assert torch.allclose(below, noise * top * (1 - 3e-5), rtol=1e-6)
    assert torch.allclose(above, noise * (1 + 4 * top**2) ** 0.5, rtol=1e-6)


def test_masked_out_places_keep_the_picture_and_the_rest_changes() -> None:
    mask = torch.tensor([[0.0, 1.0], [1.0, 0.0]])

    result = run(toy(), latent=PICTURE, noise_mask=mask)

    kept = (mask == 0).expand_as(PICTURE)
    assert torch.allclose(result[kept], PICTURE[kept], atol=1e-6)
    assert (result[~kept] - PICTURE[~kept]).abs().min() > 1e-3


def test_ddim_draws_its_own_noise_for_the_kept_part() -> None:
    seen: dict[str, torch.Tensor] = {}

    class Watching(ToyModel):
        def denoise(
            self, x: torch.Tensor, feed: Feed, call: NetworkCall, hooks: NetworkHooks
        ) -> torch.Tensor:
            seen.setdefault("x", x[:1])
            return super().denoise(x, feed, call, hooks)

    run(Watching(model_sampling=FAMILIES["eps"]), "ddim", latent=PICTURE, noise_mask=torch.zeros(2, 2))

    assert torch.allclose(seen["x"], PICTURE + 10 * seeded_noise(PICTURE, 2))


def test_mask_is_resized_smoothly_and_dealt_out_over_batch_and_channels() -> None:
    masks = torch.stack([torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 1.0]])])

    fitted = fit_mask(masks, torch.zeros(3, 4, 1, 4))

    assert fitted.shape == (3, 4, 1, 4)
    assert fitted[0, 3, 0].tolist() == [0.0, 0.25, 0.75, 1.0]
    assert fitted[1].min() == 1
    assert torch.equal(fitted[2], fitted[0])


def test_only_a_latent_with_a_picture_is_mapped_into_model_space() -> None:
    def start_of(latent: torch.Tensor) -> torch.Tensor:
        model = ToyModel(model_sampling=FAMILIES["eps"], latent_format=SD1_LATENT)
        zeros = torch.zeros_like(latent)
        return sample(guider(model, 1.0), latent, zeros, SAMPLERS["euler"], torch.tensor([2.0]), seed=1)

    assert torch.allclose(start_of(PICTURE), PICTURE)  # in and out again
    assert torch.equal(start_of(EMPTY), EMPTY)


def test_an_empty_latent_takes_the_channels_of_the_model() -> None:
    assert with_channels(EMPTY, 16).shape == (1, 16, 2, 2)
    assert with_channels(EMPTY, 4) is EMPTY


def test_a_picture_of_another_family_is_refused_with_both_numbers() -> None:
    with pytest.raises(ChannelMismatch, match=r"4 channels .* works on 16"):
        with_channels(PICTURE, 16)


def test_noise_is_drawn_for_the_channels_of_the_model() -> None:
    model = ToyModel(model_sampling=FAMILIES["eps"], channels=16)
    plan = SamplingPlan(sampler="euler", scheduler="normal", steps=1)

    result = ksample(model, EMPTY, POSITIVE, NEGATIVE, plan, cfg=2.0, seed=1)

    assert result.shape == (1, 16, 2, 2)
    assert not torch.equal(result[:, :4], result[:, 4:8])


def test_without_added_noise_two_halves_make_the_whole() -> None:
    def half(latent: torch.Tensor, start: int, end: int | None, *, add_noise: bool) -> torch.Tensor:
        plan = SamplingPlan(
            sampler="euler", scheduler="normal", steps=6, start_step=start, end_step=end, leftover_noise=True
        )
        return ksample(toy(), latent, POSITIVE, NEGATIVE, plan, cfg=2.0, seed=5, add_noise=add_noise)

    whole = half(EMPTY, 0, None, add_noise=True)
    joined = half(half(EMPTY, 0, 3, add_noise=True), 3, None, add_noise=False)

    assert torch.allclose(joined, whole, rtol=1e-5)


def test_same_seed_same_picture_other_seed_other_picture() -> None:
    plan = SamplingPlan(sampler="dpmpp_sde", scheduler="karras", steps=4)

    def picture(seed: int) -> torch.Tensor:
        return ksample(toy(), EMPTY, POSITIVE, NEGATIVE, plan, cfg=2.0, seed=seed)

    assert torch.equal(picture(2**64 - 1), picture(2**64 - 1))
    assert not torch.equal(picture(1), picture(2))


def test_denoise_zero_returns_the_latent() -> None:
    plan = SamplingPlan(sampler="euler", scheduler="normal", steps=4, denoise=0.0)

    assert torch.equal(ksample(toy(), PICTURE, POSITIVE, NEGATIVE, plan, cfg=2.0, seed=1), PICTURE)
