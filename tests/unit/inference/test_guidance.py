"""Guidance: which calls are made, with which context, and how their answers are mixed."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from app.inference.conditioning.area import Area
from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.denoiser import Feed
from app.inference.guidance.guiders import CfgGuider
from app.inference.guidance.predictions import Run
from app.inference.hooks.network import NetworkCall, NetworkHooks
from tests.unit.inference.toy_model import FAMILIES, ToyModel

SIGMA = torch.tensor(1.0)


class MeanOfContext(ToyModel):
    """Predicts, for each item, the mean of its context; remembers the shapes it was called with."""

    def __init__(self) -> None:
        super().__init__(model_sampling=FAMILIES["eps"])
        self.contexts: list[tuple[int, ...]] = []

    def denoise(self, x: Tensor, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Tensor:
        assert len(x) == len(feed.context)
        self.contexts.append(tuple(feed.context.shape))
        return torch.zeros_like(x) + feed.context.mean(dim=(1, 2)).reshape(-1, 1, 1, 1)


def entry(value: float, length: int = 77, strength: float = 1.0, width: int = 8) -> CondEntry:
    return CondEntry(tokens=torch.full((1, length, width), float(value)), strength=strength)


def guided(model: ToyModel, x: Tensor, positive: Conditioning, negative: Conditioning, cfg: float) -> Tensor:
    guider = CfgGuider(model=model, positive=positive, negative=negative, cfg=cfg)
    return guider.begin(Run(model=model, latent=x, sigmas=SIGMA[None]))(x, SIGMA).denoised


def predict(
    positive: Conditioning, negative: Conditioning, cfg: float, batch: int = 1
) -> tuple[float, MeanOfContext]:
    model = MeanOfContext()
    denoised = guided(model, torch.randn(batch, 4, 2, 2), positive, negative, cfg)
    assert denoised.shape == (batch, 4, 2, 2)
    assert len(denoised.unique()) == 1
    return denoised.flatten()[0].item(), model


def test_guidance_leads_away_from_the_negative_in_one_call() -> None:
    value, model = predict((entry(3),), (entry(1),), 7.0, batch=2)

    assert value == pytest.approx(1 + (3 - 1) * 7)
    assert model.contexts == [(4, 77, 8)]


def test_cfg_one_does_not_evaluate_the_negative() -> None:
    value, model = predict((entry(3),), (entry(1),), 1.0)

    assert value == 3
    assert model.contexts == [(1, 77, 8)]


def test_several_entries_are_averaged_by_strength() -> None:
    value, _ = predict((entry(3), entry(6, strength=2.0)), (entry(0),), 1.0)

    assert value == pytest.approx((3 + 2 * 6) / 3)


def test_a_short_text_is_repeated_to_share_the_call() -> None:
    value, model = predict((entry(3, 154),), (entry(1, 77),), 2.0)

    assert value == pytest.approx(5)
    assert model.contexts == [(2, 154, 8)]


def test_lengths_with_a_far_common_multiple_are_called_apart() -> None:
    value, model = predict((entry(3, 5 * 77),), (entry(1, 77),), 2.0)

    assert value == pytest.approx(5)
    assert sorted(model.contexts) == [(1, 77, 8), (1, 385, 8)]


def test_four_repetitions_still_share() -> None:
    _, model = predict((entry(3, 4 * 77),), (entry(1, 77),), 2.0)

    assert model.contexts == [(2, 308, 8)]


def test_a_text_per_picture_is_dealt_out_in_turn() -> None:
    texts = CondEntry(tokens=torch.tensor([1.0, 2.0]).reshape(2, 1, 1))
    model = MeanOfContext()

    denoised = guided(model, torch.zeros(3, 4, 2, 2), (texts,), (), 1.0)

    assert denoised[:, 0, 0, 0].tolist() == [1.0, 2.0, 1.0]


def test_a_side_without_entries_predicts_nothing() -> None:
    value, _ = predict((entry(3),), (), 2.0)

    assert value == 6


class Listening(MeanOfContext):
    """Remembers what each call was fed and which entries it was for."""

    def __init__(self) -> None:
        super().__init__()
        self.feeds: list[Feed] = []
        self.entries: list[int] = []

    def denoise(self, x: Tensor, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Tensor:
        self.feeds.append(feed)
        self.entries.extend(call.entries)
        return super().denoise(x, feed, call, hooks)


def test_what_the_network_is_fed_is_put_together_once_a_run() -> None:
    model = Listening()
    x = torch.randn(1, 4, 2, 2)
    guider = CfgGuider(model=model, positive=(entry(3),), negative=(entry(1),), cfg=7.0)
    predict = guider.begin(Run(model=model, latent=x, sigmas=SIGMA[None]))

    predict(x, SIGMA)
    predict(x, SIGMA / 2)

    assert model.feeds[0] is model.feeds[1]


def test_every_entry_has_a_number_of_its_own_even_copies_for_an_area() -> None:
    model = Listening()
    local = replace(entry(5), area=Area(height=8, width=8, y=0, x=0))

    guided(model, torch.randn(1, 4, 16, 16), (entry(3), local), (entry(1),), 7.0)

    assert sorted(model.entries) == [1, 2, 3, 4]


def test_entry_without_strength_counts_nothing() -> None:
    value, _ = predict((entry(3, strength=0.0),), (entry(1),), 1.0)

    assert value == 0
