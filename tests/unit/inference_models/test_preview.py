"""Previews show the right colours in the right size, and not too often."""

from io import BytesIO

import pytest
import torch
from PIL import Image as Pillow

from app.inference.pictures.preview import SD1_PREVIEW, LatentRgb, PreviewThrottle, latent_preview

PLAIN = LatentRgb(factors=((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)), bias=(0.0, 0.0, 0.5))


def opened(jpeg: bytes) -> Pillow.Image:
    picture = Pillow.open(BytesIO(jpeg))
    assert picture.format == "JPEG"
    return picture.convert("RGB")


def test_channels_become_colours_by_factors_and_bias() -> None:
    latent = torch.zeros(2, 4, 4, 4)
    latent[0, 0], latent[0, 1] = 1.0, -1.0

    picture = opened(latent_preview(latent, PLAIN, 512))

    colour = picture.getpixel((16, 16))
    assert colour == pytest.approx((255, 0, 191), abs=4)  # JPEG moves colours a little


def test_published_factors_of_the_family() -> None:
    latent = torch.full((1, 4, 4, 4), 0.5)
    rgb = [sum(row[c] for row in SD1_PREVIEW.factors) * 0.5 for c in range(3)]

    colour = opened(latent_preview(latent, SD1_PREVIEW, 512)).getpixel((16, 16))

    assert colour == pytest.approx([(each + 1) / 2 * 255 for each in rgb], abs=4)


@pytest.mark.parametrize(
    ("cells", "limit", "size"),
    [((16, 16), 512, (128, 128)), ((64, 128), 512, (512, 256)), ((3, 2), 8, (5, 8)), ((1, 100), 50, (50, 1))],
)
def test_size_is_that_of_the_picture_within_the_limit(
    cells: tuple[int, int], limit: int, size: tuple[int, int]
) -> None:
    assert opened(latent_preview(torch.zeros(1, 4, *cells), PLAIN, limit)).size == size


def test_broken_numbers_do_not_break_the_preview() -> None:
    latent = torch.full((1, 4, 4, 4), float("nan"))

    assert opened(latent_preview(latent, PLAIN, 512)).size == (32, 32)


def test_first_preview_is_due_at_once_and_the_next_after_a_while() -> None:
    now = 5.0
    throttle = PreviewThrottle(clock=lambda: now)

    assert throttle.due()
    now = 5.05
    assert not throttle.due()
    now = 5.11
    assert throttle.due()
    assert not throttle.due()


@pytest.mark.parametrize("document", [{}, [], {"factors": [[1, 2]], "bias": [0, 0, 0]}, {"factors": 3}, "x"])
def test_metadata_of_another_shape_is_an_error(document: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        LatentRgb.from_json(document)


def test_metadata_may_be_an_object_or_a_pair() -> None:
    rows, bias = [[1, 2, 3]], [4, 5, 6]

    assert LatentRgb.from_json({"factors": rows, "bias": bias}) == LatentRgb.from_json([rows, bias])
