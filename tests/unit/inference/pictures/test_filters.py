"""Blur, edges, morphology, colours: against SciPy, published tables and properties that must hold."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from app.inference.errors import ChannelsDoNotFit, SizeNotUsable, WrongInput
from app.inference.pictures import yuv
from app.inference.pictures.blur import blur, sharpen
from app.inference.pictures.canny import edges
from app.inference.pictures.morphology import dilate, erode, grow, morph
from app.inference.pictures.quantize import bayer, quantize


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("radius", "sigma"), [(1, 1.0), (2, 0.3), (5, 2.0), (9, 0.7)])
def test_blur_is_the_weighted_mean_of_the_neighbours(radius: int, sigma: float) -> None:
    image = noise(2, 11, 13, 4)
    u, v = np.meshgrid(*[np.linspace(-1, 1, 2 * radius + 1)] * 2)
    weights = np.exp(-(u**2 + v**2) / (2 * sigma**2))
    weights = weights[None, :, :, None] / weights.sum()

    expected = ndimage.correlate(image.double().numpy(), weights, mode="mirror")

    assert np.abs(blur(image, radius, sigma).numpy() - expected).max() < 1e-6


def test_sharpening_moves_away_from_the_blurred_picture() -> None:
    image = 0.4 + 0.02 * noise(1, 9, 9, 3)

    expected = image + 10 * 0.5 * (image - blur(image, 2, 1.0))

    assert torch.allclose(sharpen(image, 2, 1.0, 0.5), expected, atol=1e-6)
    assert sharpen(image, 2, 1.0, 0.0).equal(image)
    assert sharpen(noise(1, 9, 9, 3), 1, 1.0, 5.0).unique()[[0, -1]].tolist() == [0, 1]


@pytest.mark.parametrize("function", [lambda x: blur(x, 4, 1.0), lambda x: sharpen(x, 4, 1.0, 1.0)])
def test_a_radius_needs_a_picture_that_is_larger(function: object) -> None:
    assert callable(function)
    with pytest.raises(SizeNotUsable, match="4x9"):
        function(noise(1, 9, 4, 3))


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 8, 9, 16, 31, 999])
def test_windows_are_those_of_scipy(side: int) -> None:
    planes = noise(3, 17, 20)
    size = (1, side, side)
    larger = ndimage.maximum_filter(planes.numpy(), size, mode="constant", cval=-np.inf)
    smaller = ndimage.minimum_filter(planes.numpy(), size, mode="constant", cval=np.inf)

    assert dilate(planes, side).equal(torch.from_numpy(larger))
    assert erode(planes, side).equal(torch.from_numpy(smaller))


def test_opening_and_closing_twice_changes_nothing_more() -> None:
    image = noise(1, 20, 20, 3)
    for operation in ("open", "close"):
        once = morph(image, operation, 3)
        assert morph(once, operation, 3).equal(once)
        assert not once.equal(image)


@pytest.mark.parametrize("steps", [1, 2, 5, -1, -3, 40])
@pytest.mark.parametrize("round_corners", [True, False])
def test_growing_is_repeated_dilation(steps: int, round_corners: bool) -> None:
    masks = noise(2, 15, 18)
    footprint = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]] if round_corners else np.ones((3, 3)))
    expected = masks.numpy()
    for _ in range(abs(steps)):
        one = ndimage.grey_dilation if steps > 0 else ndimage.grey_erosion
        expected = np.stack([one(each, footprint=footprint) for each in expected])

    assert grow(masks, steps, round_corners=round_corners).equal(torch.from_numpy(expected))


def test_edges_do_not_depend_on_which_side_is_bright() -> None:
    image = noise(2, 40, 40, 1).repeat(1, 1, 1, 3)

    found = edges(image, 0.4, 0.9)

    assert found.equal(edges(1 - image, 0.4, 0.9))
    assert set(found.unique().tolist()) == {0, 1}


def test_weak_edges_count_where_they_touch_strong_ones() -> None:
    image = noise(1, 60, 60, 1).repeat(1, 1, 1, 3)
    strong, both, weak = (
        edges(image, low, high)[0, ..., 0] > 0 for low, high in ((0.9, 0.9), (0.4, 0.9), (0.4, 0.4))
    )

    labels = np.empty((60, 60), np.int32)
    ndimage.label(weak.numpy(), structure=np.ones((3, 3)), output=labels)
    for label in range(1, labels.max() + 1):
        part = torch.from_numpy(labels == label)
        assert both[part].all() if strong[part].any() else not both[part].any()
    assert int(strong.sum()) < int(both.sum()) < int(weak.sum())


def test_edges_need_thresholds_in_order_and_colours() -> None:
    with pytest.raises(WrongInput, match=r"0\.9"):
        edges(noise(1, 9, 9, 3), 0.9, 0.1)
    with pytest.raises(ChannelsDoNotFit):
        edges(noise(1, 9, 9, 1), 0.1, 0.9)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_thresholds_of_the_ordered_pattern_are_spread_evenly(order: int) -> None:
    values = bayer(order).flatten().sort().values
    steps = values.diff()
    assert len(values) == 4**order
    assert torch.allclose(steps, steps[0].expand_as(steps))
    assert values.mean().abs() < 1e-6


def test_the_ordered_pattern_is_that_of_bayer() -> None:
    ranks = bayer(2).flatten().argsort().argsort().reshape(4, 4)
    assert ranks.tolist() == [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "bayer-2", "bayer-16"])
def test_no_more_colours_than_asked_for(dither: str) -> None:
    picture = quantize(noise(2, 32, 32, 3), 5, dither)
    for each in picture:
        assert len(each.reshape(-1, 3).unique(dim=0)) <= 5


def test_colours_of_a_picture_with_alpha_are_not_reduced() -> None:
    with pytest.raises(ChannelsDoNotFit, match="alpha"):
        quantize(noise(1, 4, 4, 4), 5, "none")


def test_yuv_and_back_is_the_picture_again() -> None:
    image = noise(2, 6, 7, 3)
    assert torch.allclose(yuv.to_rgb(*yuv.to_yuv(image)), image, atol=1e-6)
