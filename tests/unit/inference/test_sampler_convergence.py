"""Deterministic samplers against an exact solution.

For Gaussian data of unit variance D(x, s) = x / (1 + s^2), so x(s) = x(s0) * sqrt((1 + s^2) / (1 + s0^2)),
and the error must fall with the method's order.
"""

import math

import pytest
import torch

from app.inference.samplers.base import SamplerContext
from app.inference.samplers.registry import SAMPLERS
from tests.unit.inference.toy_model import FAMILIES

FIRST, LAST = 10.0, 0.1
EXACT = math.sqrt((1 + LAST**2) / (1 + FIRST**2))
ORDERS = {
    "euler": 1,
    "ddim": 1,
    "gradient_estimation": 1,
    "heun": 2,
    "dpm_2": 2,
    "lms": 2,
    "dpm_fast": 2,
    "dpmpp_2m": 2,
    "ipndm_v": 2,
    "deis": 2,
    "res_multistep": 2,
    "uni_pc": 2,  # third order but for its last step, which is of first order and costs one overall
    "uni_pc_bh2": 2,
}


def error(sampler: str, steps: int) -> float:
    """Distance from the exact solution, in float64 so that only the method counts."""
    sigmas = torch.linspace(math.log(FIRST), math.log(LAST), steps + 1, dtype=torch.float64).exp()
    x = torch.ones(1, dtype=torch.float64)
    run = SAMPLERS[sampler].method(x, sigmas, SamplerContext(model_sampling=FAMILIES["eps"], seed=0))
    ask = next(run)
    while True:
        try:
            ask = run.send(ask.x / (1 + ask.sigma**2))
        except StopIteration as finished:
            return abs(finished.value.item() - EXACT)


@pytest.mark.parametrize(("sampler", "order"), ORDERS.items())
def test_error_falls_with_the_order_of_the_method(sampler: str, order: int) -> None:
    coarse, fine = error(sampler, 40), error(sampler, 80)

    assert coarse / fine > 0.85 * 2**order
    assert fine < {1: 2e-2, 2: 2e-3}[order] * EXACT
