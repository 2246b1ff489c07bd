"""FreeU against the implementation in diffusers."""

from typing import Any

import pytest
import torch
from diffusers.utils.torch_utils import apply_freeu

from app.inference.network_changes.free_u import free_u, free_u_v2
from tests.unit.inference.toy_model import FAMILIES, one_call

WIDTH = 8
CALL = one_call(torch.tensor(1.0), FAMILIES["eps"])
FACTORS = {"b1": 1.3, "b2": 1.4, "s1": 0.9, "s2": 0.2}


@pytest.mark.parametrize(("multiple", "block"), [(4, 0), (2, 1)])
def test_block_becomes_what_diffusers_makes_of_it(multiple: int, block: int) -> None:
    h, skip = torch.randn(2, multiple * WIDTH, 8, 16), torch.randn(2, 12, 8, 16)
    expected = apply_freeu(block, h.clone(), skip.clone(), **FACTORS)

    (change,) = free_u(WIDTH, **FACTORS).output_block
    actual = change(h, skip, 0, CALL)

    for ours, theirs in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_other_widths_stay() -> None:
    h, skip = torch.randn(2, WIDTH, 8, 16), torch.randn(2, 12, 8, 16)

    (change,) = free_u(WIDTH, **FACTORS).output_block

    assert change(h, skip, 0, CALL) == (h, skip)


@pytest.mark.parametrize("make", [free_u, free_u_v2])
def test_half_precision_is_kept(make: Any) -> None:
    h, skip = torch.randn(1, 4 * WIDTH, 6, 10).half(), torch.randn(1, 12, 6, 10).half()

    (change,) = make(WIDTH, **FACTORS).output_block
    new_h, new_skip = change(h, skip, 0, CALL)

    assert new_h.dtype == new_skip.dtype == torch.float16
    assert new_h.isfinite().all()


def test_a_block_of_one_place_stays_finite() -> None:
    h, skip = torch.randn(1, 4 * WIDTH, 1, 1), torch.randn(1, 12, 1, 1)

    (change,) = free_u_v2(WIDTH, **FACTORS).output_block

    assert torch.equal(change(h, skip, 0, CALL)[0], h)
