"""Pasting, blending and composing: published coefficients, and where pictures do not fit each other."""

import pytest
import torch
from torch import Tensor

from app.inference.errors import BatchesDoNotFit, ChannelsDoNotFit, SizeNotUsable, WrongInput
from app.inference.pictures import batches, masks, porter_duff, sizes
from app.inference.pictures.blend import blend
from app.inference.pictures.channels import with_channels, with_opaque
from app.inference.pictures.compositing import join_alpha, paste, split_alpha

OPERATORS = {  # (factor of the source, of the destination) by their opacities a and b; Porter and Duff 1984
    "CLEAR": (lambda a, b: 0, lambda a, b: 0),
    "SRC": (lambda a, b: 1, lambda a, b: 0),
    "DST": (lambda a, b: 0, lambda a, b: 1),
    "SRC_OVER": (lambda a, b: 1, lambda a, b: 1 - a),
    "DST_OVER": (lambda a, b: 1 - b, lambda a, b: 1),
    "SRC_IN": (lambda a, b: b, lambda a, b: 0),
    "DST_IN": (lambda a, b: 0, lambda a, b: a),
    "SRC_OUT": (lambda a, b: 1 - b, lambda a, b: 0),
    "DST_OUT": (lambda a, b: 0, lambda a, b: 1 - a),
    "SRC_ATOP": (lambda a, b: b, lambda a, b: 1 - a),
    "DST_ATOP": (lambda a, b: 1 - b, lambda a, b: a),
    "XOR": (lambda a, b: 1 - b, lambda a, b: 1 - a),
}


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_have_their_published_factors(name: str) -> None:
    source, destination = noise(1, 6, 7, 3), noise(1, 6, 7, 3, seed=1)
    source_mask, destination_mask = noise(1, 6, 7, seed=2), noise(1, 6, 7, seed=3)

    image, mask = porter_duff.compose(source, source_mask, destination, destination_mask, name)

    a, b = 1 - source_mask.unsqueeze(-1), 1 - destination_mask.unsqueeze(-1)
    of_source, of_destination = (factor(a, b) for factor in OPERATORS[name])
    opacity = of_source * a + of_destination * b
    colour = of_source * a * source + of_destination * b * destination
    assert torch.allclose(1 - mask.unsqueeze(-1), opacity.expand(1, 6, 7, 1) if name != "CLEAR" else opacity)
    if name != "CLEAR":
        assert torch.allclose(image, (colour / opacity).clamp(0, 1), atol=1e-5)


def test_nothing_is_left_where_everything_is_cleared() -> None:
    image, mask = porter_duff.compose(
        noise(1, 4, 4, 3), noise(1, 4, 4), noise(1, 4, 4, 3), noise(1, 4, 4), "CLEAR"
    )
    assert image.equal(torch.zeros(1, 4, 4, 3))
    assert mask.equal(torch.ones(1, 4, 4))


@pytest.mark.parametrize("mode", ["normal", "multiply", "difference"])
def test_a_picture_without_alpha_is_opaque_where_the_other_has_alpha(mode: str) -> None:
    first, second = noise(1, 4, 4, 4), noise(1, 4, 4, 3, seed=1)
    assert blend(first, second, 0.3, mode).equal(blend(first, with_opaque(second, 4), 0.3, mode))


def test_batches_that_cannot_be_matched_are_not_blended() -> None:
    with pytest.raises(BatchesDoNotFit, match="2 and 3"):
        blend(noise(2, 4, 4, 3), noise(3, 4, 4, 3), 0.5, "normal")
    assert len(blend(noise(2, 4, 4, 3), noise(1, 4, 4, 3), 0.5, "normal")) == 2


def test_more_than_alpha_cannot_be_added() -> None:
    with pytest.raises(ChannelsDoNotFit):
        with_channels(noise(1, 2, 2, 1), 3)
    assert with_channels(noise(1, 2, 2, 4), 3).shape[-1] == 3


@pytest.mark.parametrize(("x", "y"), [(-2, -1), (4, 5), (-3, 0), (6, 8), (-99, 99)])
def test_pasting_cuts_what_reaches_over_the_border(x: int, y: int) -> None:
    destination, source = torch.zeros(1, 1, 8, 6), torch.ones(1, 1, 4, 3)

    result = paste(destination, source, x, y, None, resize=False)

    expected = torch.zeros(1, 1, 8, 6)
    for row in range(8):
        for column in range(6):
            if 0 <= row - y < 4 and 0 <= column - x < 3:
                expected[..., row, column] = 1
    assert result.equal(expected)
    assert destination.sum() == 0


def test_pasting_in_latents_counts_in_pixels() -> None:
    destination, source = torch.zeros(1, 4, 8, 8), torch.ones(1, 4, 2, 2)
    result = paste(destination, source, 17, 9, None, resize=False, cell=8)
    assert result[0, 0].nonzero().tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]


def test_a_mask_says_how_much_is_pasted_and_sources_repeat() -> None:
    destination, source = torch.zeros(3, 1, 4, 4), noise(2, 1, 4, 4)
    mask = noise(2, 2, 2)

    result = paste(destination, source, 0, 0, mask, resize=False)

    stretched = torch.nn.functional.interpolate(mask.unsqueeze(1), size=(4, 4), mode="bilinear")
    assert torch.allclose(result, source[[0, 1, 0]] * stretched[[0, 1, 0]])


def test_alpha_comes_back_as_it_was_joined() -> None:
    image, mask = noise(2, 4, 5, 3), noise(2, 4, 5)
    colours, back = split_alpha(join_alpha(image, mask))
    assert colours.equal(image)
    assert torch.allclose(back, mask, atol=1e-6)


def test_masks_outside_of_each_other_do_not_meet() -> None:
    destination = noise(1, 4, 4)
    assert masks.combine(destination, torch.ones(1, 2, 2), 9, 9, "add").equal(destination)
    with pytest.raises(BatchesDoNotFit):
        masks.combine(destination, torch.ones(2, 2, 2), 0, 0, "add")


def test_pictures_of_several_sizes_are_not_put_into_one_batch() -> None:
    pictures = [noise(1, 4, 4, 3), noise(2, 5, 4, 3)]
    with pytest.raises(SizeNotUsable, match="scale"):
        batches.regroup(pictures, 2)
    assert [each.shape[0] for each in batches.regroup([noise(3, 2, 2, 3), noise(2, 2, 2, 3)], 2)] == [2, 2, 1]


def test_every_refusal_is_one_family_for_callers() -> None:
    for each in (BatchesDoNotFit, ChannelsDoNotFit, SizeNotUsable):
        assert issubclass(each, WrongInput)
        assert each.code != WrongInput.code


@pytest.mark.parametrize("size", sizes.KONTEXT_SIZES)
def test_sizes_of_kontext_stay_what_they_are(size: tuple[int, int]) -> None:
    assert sizes.nearest_kontext_size(*size) == size
    assert sizes.nearest_kontext_size(size[0] * 3, size[1] * 3) == size
