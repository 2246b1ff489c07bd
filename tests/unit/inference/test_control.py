"""Chains of control nets: ranges, strengths, sums, batches, and what is computed once a run."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from app.inference.conditioning.chaining import chained, chained_apart
from app.inference.conditioning.control import AppliedControl, Control, ControlQuestion
from app.inference.conditioning.entry import CondEntry
from app.inference.conditioning.hint import fitted_hint
from app.inference.errors import ChannelsDoNotFit
from app.inference.model_sampling import families
from app.inference.models.unet.residuals import Residuals
from app.inference.pictures.images import Image
from tests.unit.inference.toy_model import one_call

UNUSED: Any = None
PICTURE = torch.zeros(1, 8, 8, 3)
SAMPLING = families.discrete()


@dataclass
class Net:
    """Adds `value` to the middle block and to skip tensor number `place`."""

    value: float
    place: int = 0
    takes_mask: bool = False
    prepared_sizes: list[tuple[int, ...]] = field(default_factory=list)

    def with_types(self, types: tuple[int, ...]) -> "Net":
        return self

    def prepared(self, picture: Image, question: ControlQuestion) -> Tensor:
        self.prepared_sizes.append(tuple(question.x.shape[-2:]))
        return torch.full((1, 1, 1, 1), self.value)

    def residuals(self, prepared: Any, question: ControlQuestion) -> Residuals:
        before: tuple[Tensor | None, ...] = (None,) * self.place
        return Residuals(skips=(*before, prepared), input_blocks=(prepared,), middle=prepared)


def link(
    net: Net, strength: float = 1.0, start: float = 0, end: float = 1, previous: Control | None = None
) -> AppliedControl:
    return AppliedControl(
        net=net,
        picture=PICTURE,
        strength=strength,
        start_percent=start,
        end_percent=end,
        previous=previous,
    )


def question(
    sigma: float = 5.0, batch: int = 1, sides: tuple[int, ...] = (0,), size: int = 4
) -> ControlQuestion:
    return ControlQuestion(
        x=torch.zeros(batch, 4, size, size),
        timestep=torch.zeros(batch),
        tokens=torch.zeros(batch, 1, 1),
        label=None,
        unet=UNUSED,
        call=one_call(torch.tensor(sigma), SAMPLING, sides=sides),
    )


def numbers(residuals: Residuals | None) -> tuple[list[float | None], float | None]:
    assert residuals is not None
    skips = [None if each is None else each.item() for each in residuals.skips]
    return skips, None if residuals.middle is None else residuals.middle.item()


def test_strength_scales_everything_that_is_added() -> None:
    found = link(Net(3), strength=0.5).residuals(question())

    assert numbers(found) == ([1.5], 1.5)
    assert found is not None
    assert found.input_blocks[0] is not None
    assert found.input_blocks[0].item() == 1.5


def test_nets_of_a_chain_are_summed_place_by_place() -> None:
    chain = link(Net(3, place=1), previous=link(Net(5), strength=2.0))

    assert numbers(chain.residuals(question())) == ([10, 3], 13)


@pytest.mark.parametrize(
    ("percent", "acts"), [(0.1, False), (0.2, True), (0.5, True), (0.7, True), (0.8, False)]
)
def test_a_net_acts_between_its_percents_only(percent: float, acts: bool) -> None:
    sigma = SAMPLING.percent_to_sigma(percent)

    found = link(Net(1), start=0.2, end=0.7).residuals(question(sigma))

    assert (found is not None) == acts


def test_a_net_out_of_its_range_hands_on_what_came_before() -> None:
    chain = link(Net(3), start=0.9, previous=link(Net(5)))

    assert numbers(chain.residuals(question(sigma=14.0))) == ([5], 5)


def test_the_picture_is_prepared_once_for_each_size_of_a_run() -> None:
    net = Net(1)
    applied = link(net)
    whole = question(size=4)
    part = replace(whole, x=torch.zeros(1, 4, 2, 2))

    for asked in (whole, part, whole, part):
        applied.residuals(asked)

    assert net.prepared_sizes == [(4, 4), (2, 2)]


def test_pictures_are_dealt_out_to_every_chunk_of_the_batch() -> None:
    items = torch.tensor([1.0, 2.0]).reshape(2, 1)

    asked = question(batch=6, sides=(0, 1))

    assert asked.for_batch(items).flatten().tolist() == [1, 2, 1, 1, 2, 1]
    assert asked.for_batch(items[:1]).flatten().tolist() == [1] * 6


def test_entries_with_one_chain_share_the_new_link_on_both_sides() -> None:
    old = link(Net(1))
    plain, steered = (
        CondEntry(tokens=torch.zeros(1, 1, 1)),
        CondEntry(tokens=torch.zeros(1, 1, 1), control=old),
    )

    positive, negative = chained(link(Net(2)), (plain, steered), (plain,))

    assert positive[0].control is negative[0].control
    assert isinstance(positive[1].control, AppliedControl)
    assert positive[1].control.previous is old
    assert not positive[0].control_reaches_negative


def test_the_old_way_gives_every_entry_a_link_of_its_own_that_reaches_the_negative() -> None:
    plain = CondEntry(tokens=torch.zeros(1, 1, 1))

    first, second = chained_apart(link(Net(2)), (plain, plain))

    assert first.control is not second.control
    assert first.control_reaches_negative


def test_hint_is_cut_to_the_latent_aspect_and_keeps_hard_edges() -> None:
    picture = torch.arange(6.0).reshape(1, 1, 6, 1).expand(1, 2, 6, 4)

    hint = fitted_hint(picture, 4, 4)

    assert hint.shape == (1, 3, 4, 4)
    assert hint[0, 0, 0].tolist() == [2, 2, 3, 3]


def test_a_net_of_one_channel_gets_the_mean_of_the_colours() -> None:
    picture = torch.tensor([0.0, 0.3, 0.6]).reshape(1, 1, 1, 3)

    assert fitted_hint(picture, 1, 1, channels=1).item() == pytest.approx(0.3)


def test_a_picture_with_too_few_channels_is_refused() -> None:
    with pytest.raises(ChannelsDoNotFit, match="colour picture"):
        fitted_hint(torch.zeros(1, 2, 2, 1), 2, 2)
