"""Rules of guidance where no recorded case looks: limits, momentum, degenerate texts."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from app.inference.guidance_changes.adaptive_projection import adaptive_projection
from app.inference.guidance_changes.perp_neg import mix
from app.inference.guidance_changes.renorm_cfg import renorm_cfg
from app.inference.guidance_changes.rescale_cfg import rescale_cfg
from app.inference.guidance_changes.tangential_damping import tangential_damping
from app.inference.hooks.guidance import GuidanceStep
from tests.unit.inference.toy_model import FAMILIES

SHAPE = (2, 4, 6, 5)


def step(sigma: float = 3.0, cfg: float = 7.0, **changes: Any) -> GuidanceStep:
    generator = torch.Generator().manual_seed(5)
    x, positive, negative = (torch.randn(SHAPE, generator=generator) for _ in range(3))
    level = torch.tensor(sigma)

    def evaluate(*_args: Any, **_options: Any) -> Tensor:
        raise AssertionError("nothing more is to be evaluated")

    made = GuidanceStep(
        x=x,
        sigma=level,
        sigmas=level[None],
        cfg=cfg,
        positive=positive,
        negative=negative,
        model_sampling=FAMILIES["eps"],
        evaluate=evaluate,
        memory={},
    )
    return replace(made, **changes)


def lengths(latent: Tensor) -> Tensor:
    return latent.flatten(1).norm(dim=1)


def plain(given: GuidanceStep) -> Tensor:
    return given.negative + (given.positive - given.negative) * given.cfg


def test_renorm_limits_the_length_of_each_picture() -> None:
    given = step()
    replace_cfg = renorm_cfg(100.0, 1.5).replace_cfg
    assert replace_cfg is not None

    mixed = replace_cfg(given)

    torch.testing.assert_close(lengths(mixed), 1.5 * lengths(given.positive))
    cosines = torch.cosine_similarity(mixed.flatten(1), plain(given).flatten(1))
    torch.testing.assert_close(cosines, torch.ones(2))


def test_renorm_leaves_what_is_short_enough_and_zero_limits_nothing() -> None:
    given = step()
    for limit in (1000.0, 0.0):
        replace_cfg = renorm_cfg(100.0, limit).replace_cfg
        assert replace_cfg is not None
        assert torch.equal(replace_cfg(given), plain(given))


@pytest.mark.parametrize(("sigma", "guided"), [(4.9, True), (5.0, False), (9.0, False)])
def test_renorm_guides_below_its_level_only(sigma: float, guided: bool) -> None:
    given = step(sigma)
    replace_cfg = renorm_cfg(5.0, 0.0).replace_cfg
    assert replace_cfg is not None

    expected = plain(given) if guided else given.positive

    assert torch.equal(replace_cfg(given), expected)


def test_rescaled_guidance_without_rescaling_is_plain_guidance() -> None:
    given = step()
    replace_cfg = rescale_cfg(0.0).replace_cfg
    assert replace_cfg is not None

    torch.testing.assert_close(replace_cfg(given), plain(given), rtol=1e-5, atol=1e-5)


def test_projection_with_everything_let_through_is_plain_guidance() -> None:
    given = step()
    (before,) = adaptive_projection(1.0, 0.0, 0.0).before_cfg

    positive, negative = before(given)

    # u + cfg (u + g + g / cfg - u) = c + cfg g: one guidance more than plain
    expected = plain(given) + (given.positive - given.negative)
    torch.testing.assert_close(negative + (positive - negative) * given.cfg, expected, rtol=1e-5, atol=1e-5)


def test_projection_without_the_parallel_part_is_at_right_angles_to_the_positive_side() -> None:
    given = step(cfg=1e9)
    (before,) = adaptive_projection(0.0, 0.0, 0.0).before_cfg

    positive, negative = before(given)

    cosines = torch.cosine_similarity((positive - negative).flatten(1), given.positive.flatten(1))
    torch.testing.assert_close(cosines, torch.zeros(2), rtol=0, atol=1e-6)


def test_momentum_is_added_while_the_level_falls_and_forgotten_when_it_rises() -> None:
    (before,) = adaptive_projection(1.0, 0.0, 0.5).before_cfg
    memory: dict[Any, Any] = {}
    first, second, third = (before(step(sigma, memory=memory))[0] for sigma in (5.0, 4.0, 9.0))

    guidance = step().positive - step().negative
    torch.testing.assert_close(second - first, 0.5 * guidance, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(third, first)


def test_tangential_damping_follows_the_first_singular_vector() -> None:
    given = step()
    (before,) = tangential_damping().before_cfg

    positive, negative = before(given)

    assert positive is given.positive
    away, towards = ((given.x - each).flatten(1) for each in (given.negative, given.positive))
    for picture in range(len(away)):
        matrix = torch.stack([away[picture], towards[picture]]).double()
        direction = torch.linalg.svd(matrix, full_matrices=False).Vh[0]
        expected = (matrix[0] @ direction) * direction
        actual = (given.x - negative)[picture].flatten().double()
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


def test_negative_that_says_the_same_takes_nothing_away() -> None:
    positive, empty = torch.randn(SHAPE), torch.randn(SHAPE)

    mixed = mix(positive, positive, empty, cfg=7.0, neg_scale=1.0)

    torch.testing.assert_close(mixed, empty + 7 * (positive - empty), rtol=1e-4, atol=1e-4)


def test_positive_text_without_effect_leaves_only_the_negative_s() -> None:
    negative, empty = torch.randn(SHAPE), torch.randn(SHAPE)

    mixed = mix(empty, negative, empty, cfg=7.0, neg_scale=1.0)

    torch.testing.assert_close(mixed, empty - 7 * (negative - empty))
