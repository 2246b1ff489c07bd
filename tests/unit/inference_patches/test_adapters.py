"""The arithmetic of every adapter against its published formula, written out in numpy, element by element."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.inference.patches.adapter import Adapter, Parts
from app.inference.patches.lora_file import bias_adapter, weight_adapter

Array = NDArray[np.float64]
TOLERANCE = 2e-6
STRENGTHS = (1.0, 0.8, -0.5)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def exact(tensor: Tensor) -> Array:
    return tensor.double().numpy()


def changed(parts: Parts, weight: Tensor, strength: float) -> Array:
    adapter = weight_adapter(parts)
    assert adapter is not None
    assert adapter.fits(weight.shape)
    return exact(adapter.add_to(weight.clone(), strength))


def assert_close(ours: Array, expected: Array) -> None:
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= TOLERANCE * max(1, np.abs(expected).max())


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("alpha", [None, 2.0])
def test_lora_adds_up_times_down(strength: float, alpha: float | None) -> None:
    weight, up, down = random(6, 10), random(6, 4, seed=1), random(4, 10, seed=2)
    parts = {"up": up, "down": down} | ({} if alpha is None else {"alpha": torch.tensor(alpha)})

    expected = exact(weight) + strength * (1 if alpha is None else alpha / 4) * (exact(up) @ exact(down))

    assert_close(changed(parts, weight, strength), expected)


def test_lora_of_a_convolution_spans_its_kernel() -> None:
    weight, up, down = random(6, 5, 3, 3), random(6, 2, 1, 1, seed=1), random(2, 5, 3, 3, seed=2)
    parts = {"up": up, "down": down, "alpha": torch.tensor(1.0)}

    product = np.einsum("or,rihw->oihw", exact(up)[:, :, 0, 0], exact(down))

    assert_close(changed(parts, weight, 0.8), exact(weight) + 0.8 * 0.5 * product)


def test_lora_of_a_linear_layer_fits_a_convolution_of_one_cell_and_back() -> None:
    up, down = random(6, 2, 1, 1), random(2, 5, 1, 1, seed=2)
    product = exact(up)[:, :, 0, 0] @ exact(down)[:, :, 0, 0]
    linear, convolution = random(6, 5), random(6, 5, 1, 1)

    on_linear = changed({"up": up, "down": down}, linear, 1)
    on_convolution = changed({"up": up.flatten(1), "down": down.flatten(1)}, convolution, 1)

    assert_close(on_linear, exact(linear) + product)
    assert_close(on_convolution, exact(convolution) + product[:, :, None, None])


def test_locon_contracts_the_middle_with_both_sides() -> None:
    weight = random(6, 5, 3, 3)
    up, middle, down = random(6, 2, 1, 1, seed=1), random(2, 3, 3, 3, seed=2), random(3, 5, 1, 1, seed=3)
    parts = {"up": up, "mid": middle, "down": down, "alpha": torch.tensor(1.5)}
    u, m, d = exact(up)[:, :, 0, 0], exact(middle), exact(down)[:, :, 0, 0]

    delta = np.zeros((6, 5, 3, 3))
    for i, j, a, b in itertools.product(range(6), range(5), range(2), range(3)):
        delta[i, j] += u[i, a] * m[a, b] * d[b, j]

    assert_close(changed(parts, weight, 0.8), exact(weight) + 0.8 * 1.5 / 3 * delta)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_loha_multiplies_two_products_element_by_element(strength: float) -> None:
    parts = {
        "hada_w1_a": random(6, 4, seed=1),
        "hada_w1_b": random(4, 10, seed=2),
        "hada_w2_a": random(6, 3, seed=3),
        "hada_w2_b": random(3, 10, seed=4),
        "alpha": torch.tensor(2.0),
    }
    weight = random(6, 10)
    a, b, c, d = (exact(each) for each in list(parts.values())[:4])

    expected = exact(weight) + strength * 2 / 4 * (a @ b) * (c @ d)

    assert_close(changed(parts, weight, strength), expected)


def test_loha_with_cores_makes_a_convolution() -> None:
    parts = {
        "hada_t1": random(2, 3, 3, 3, seed=1),
        "hada_w1_a": random(2, 6, seed=2),
        "hada_w1_b": random(3, 5, seed=3),
        "hada_t2": random(4, 2, 3, 3, seed=4),
        "hada_w2_a": random(4, 6, seed=5),
        "hada_w2_b": random(2, 5, seed=6),
        "alpha": torch.tensor(2.0),
    }
    weight = random(6, 5, 3, 3)
    t1, a1, b1, t2, a2, b2 = (exact(each) for each in list(parts.values())[:6])

    first = np.tensordot(a1.T, np.tensordot(t1, b1, (1, 0)), (1, 0)).transpose(0, 3, 1, 2)
    second = np.tensordot(a2.T, np.tensordot(t2, b2, (1, 0)), (1, 0)).transpose(0, 3, 1, 2)

    assert_close(changed(parts, weight, 1), exact(weight) + 2 / 3 * first * second)


LOKR: dict[str, tuple[dict[str, Tensor], Callable[[dict[str, Array]], tuple[Array, Array]], float]] = {
    "whole": (
        {"lokr_w1": random(2, 3), "lokr_w2": random(3, 4)},
        lambda p: (p["lokr_w1"], p["lokr_w2"]),
        1.0,  # alpha is ignored
    ),
    "second factored": (
        {"lokr_w1": random(2, 3), "lokr_w2_a": random(3, 2), "lokr_w2_b": random(2, 4)},
        lambda p: (p["lokr_w1"], p["lokr_w2_a"] @ p["lokr_w2_b"]),
        3.0 / 2,
    ),
    "both factored": (
        {
            "lokr_w1_a": random(2, 4),
            "lokr_w1_b": random(4, 3),
            "lokr_w2_a": random(3, 2),
            "lokr_w2_b": random(2, 4),
        },
        lambda p: (p["lokr_w1_a"] @ p["lokr_w1_b"], p["lokr_w2_a"] @ p["lokr_w2_b"]),
        3.0 / 2,
    ),
    "first factored": (
        {"lokr_w1_a": random(2, 4), "lokr_w1_b": random(4, 3), "lokr_w2": random(3, 4)},
        lambda p: (p["lokr_w1_a"] @ p["lokr_w1_b"], p["lokr_w2"]),
        3.0 / 4,
    ),
}


@pytest.mark.parametrize("form", LOKR)
def test_lokr_is_a_kronecker_product(form: str) -> None:
    parts, factors, factor = LOKR[form]
    weight = random(6, 12)

    first, second = factors({name: exact(part) for name, part in parts.items()})

    ours = changed(parts | {"alpha": torch.tensor(3.0)}, weight, 0.8)
    assert_close(ours, exact(weight) + 0.8 * factor * np.kron(first, second))


def test_lokr_with_a_core_makes_a_convolution() -> None:
    parts = {
        "lokr_w1": random(2, 2, seed=1),
        "lokr_t2": random(3, 2, 3, 3, seed=2),
        "lokr_w2_a": random(3, 4, seed=3),
        "lokr_w2_b": random(2, 5, seed=4),
        "alpha": torch.tensor(1.0),
    }
    weight = random(8, 10, 3, 3)
    w1, t2, a, b = (exact(each) for each in list(parts.values())[:4])

    second = np.tensordot(a.T, np.tensordot(t2, b, (1, 0)), (1, 0)).transpose(0, 3, 1, 2)
    delta = np.zeros(weight.shape)
    for i, j in itertools.product(range(2), range(2)):
        delta[4 * i : 4 * i + 4, 5 * j : 5 * j + 5] = w1[i, j] * second

    assert_close(changed(parts, weight, 0.8), exact(weight) + 0.8 / 2 * delta)


def cayley(q: Array) -> Array:
    identity = np.eye(len(q))
    return (identity + q) @ np.linalg.inv(identity - q)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("alpha", [None, 0.5, 1000.0])
def test_oft_rotates_blocks_of_rows_and_counts_the_strength_twice(
    strength: float, alpha: float | None
) -> None:
    weight, blocks = random(12, 5), random(3, 4, 4, seed=1)
    parts = {"oft_blocks": blocks} | ({} if alpha is None else {"alpha": torch.tensor(alpha)})
    q = exact(blocks) - exact(blocks).transpose(0, 2, 1)
    if alpha is not None:
        q *= min(1, alpha / np.sqrt((q**2).sum()))

    expected = exact(weight)
    for block in range(3):
        rows = slice(4 * block, 4 * block + 4)
        expected[rows] += strength**2 * (cayley(q[block]) - np.eye(4)).T @ exact(weight)[rows]

    assert_close(changed(parts, weight, strength), expected)


def test_oft_rotations_keep_lengths() -> None:
    weight, blocks = random(12, 5, 3, 3), random(3, 4, 4, seed=1)

    rotated = changed({"oft_blocks": blocks}, weight, 1)

    lengths = [np.sqrt((each.reshape(3, 4, -1) ** 2).sum(1)) for each in (rotated, exact(weight))]
    assert_close(lengths[0], lengths[1])


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("rescale", [False, True])
def test_boft_mixes_rows_in_a_butterfly(strength: float, rescale: bool) -> None:
    weight, blocks = random(8, 5), random(2, 2, 4, 4, seed=1)
    parts = {"oft_blocks": blocks, "alpha": torch.tensor(1.5)}
    factors = np.ones((8, 1))
    if rescale:
        parts["rescale"] = random(8, 1, seed=5)
        factors = exact(parts["rescale"])
    q = exact(blocks) - exact(blocks).transpose(0, 1, 3, 2)
    q *= min(1, 1.5 / np.sqrt((q**2).sum()))

    result = exact(weight)
    for level in range(2):
        distance = 2**level * 2
        order = np.arange(8).reshape(-1, 2, distance).transpose(0, 2, 1).reshape(-1)
        mixed = result[order]
        for block in range(2):
            rows = slice(4 * block, 4 * block + 4)
            blended = strength * cayley(q[level, block]) + (1 - strength) * np.eye(4)
            mixed[rows] = blended @ mixed[rows]
        result = np.empty_like(mixed)
        result[order] = mixed
    expected = exact(weight) + strength * (result * factors - exact(weight))

    assert_close(changed(parts, weight, strength), expected)


def test_boft_without_alpha_is_no_adapter() -> None:
    assert weight_adapter({"oft_blocks": random(2, 2, 4, 4)}) is None


@pytest.mark.parametrize("strength", STRENGTHS)
def test_glora_scales_with_the_weight(strength: float) -> None:
    weight = random(6, 10)
    a1, a2, b1, b2 = random(10, 4, seed=1), random(4, 10, seed=2), random(6, 4, seed=3), random(4, 10, seed=4)
    parts = {"a1": a1, "a2": a2, "b1": b1, "b2": b2, "alpha": torch.tensor(2.0)}
    w = exact(weight)

    change = w @ exact(a1) @ exact(a2) + exact(b1) @ exact(b2)

    assert_close(changed(parts, weight, strength), w + strength * 2 / 4 * change)


def test_glora_in_the_old_layout_swaps_the_factors() -> None:
    weight = random(6, 10)
    a1, a2, b1, b2 = random(4, 10, seed=1), random(10, 4, seed=2), random(4, 10, seed=3), random(6, 4, seed=4)
    parts = {"a1": a1, "a2": a2, "b1": b1, "b2": b2, "alpha": torch.tensor(2.0)}
    w = exact(weight)

    change = w @ exact(a2) @ exact(a1) + exact(b2) @ exact(b1)

    assert_close(changed(parts, weight, 0.8), w + 0.8 * 2 / 4 * change)


def test_glora_of_a_convolution_contracts_the_input_channels() -> None:
    weight = random(6, 5, 3, 3)
    a1, a2 = random(5, 2, 1, 1, seed=1), random(2, 5, 1, 1, seed=2)
    b1, b2 = random(6, 2, 1, 1, seed=3), random(2, 5, 3, 3, seed=4)
    parts = {"a1": a1, "a2": a2, "b1": b1, "b2": b2}
    mixing = exact(a1)[:, :, 0, 0] @ exact(a2)[:, :, 0, 0]
    addition = (exact(b1)[:, :, 0, 0] @ exact(b2).reshape(2, -1)).reshape(weight.shape)

    expected = exact(weight) + np.einsum("oihw,ij->ojhw", exact(weight), mixing) + addition

    assert_close(changed(parts, weight, 1), expected)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_dora_per_row_divides_by_the_norms_of_the_weight_before(strength: float) -> None:
    weight, up, down, magnitude = random(6, 10), random(6, 4, seed=1), random(4, 10, seed=2), random(6, 1)
    parts = {"up": up, "down": down, "alpha": torch.tensor(2.0), "dora_scale": magnitude}
    w = exact(weight)

    v = w + 2 / 4 * exact(up) @ exact(down)
    norms = np.sqrt((w**2).sum(1, keepdims=True))
    expected = w + strength * (v * exact(magnitude) / norms - w)

    assert_close(changed(parts, weight, strength), expected)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_dora_per_column_divides_by_the_norms_of_the_changed_weight(strength: float) -> None:
    weight, up, down = random(6, 5, 3, 3), random(6, 4, 1, 1, seed=1), random(4, 5, 3, 3, seed=2)
    magnitude = random(1, 5, 1, 1)
    parts = {"up": up, "down": down, "dora_scale": magnitude}
    w = exact(weight)

    v = w + np.einsum("or,rihw->oihw", exact(up)[:, :, 0, 0], exact(down))
    norms = np.sqrt((v**2).sum((0, 2, 3), keepdims=True))
    expected = w + strength * (v * exact(magnitude) / norms - w)

    assert_close(changed(parts, weight, strength), expected)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_dora_of_peft_divides_by_the_row_norms_of_the_changed_weight(strength: float) -> None:
    weight, up, down, magnitude = random(6, 6), random(6, 4, seed=1), random(4, 6, seed=2), random(6)
    parts = {"up": up, "down": down, "lora_magnitude_vector": magnitude}
    w = exact(weight)

    v = w + exact(up) @ exact(down)
    norms = np.sqrt((v**2).sum(1, keepdims=True))
    expected = w + strength * (v * exact(magnitude)[:, None] / norms - w)

    assert_close(changed(parts, weight, strength), expected)


def test_dora_of_peft_has_a_magnitude_per_row_of_a_convolution() -> None:
    weight, up, down = random(6, 5, 3, 3), random(6, 4, 1, 1, seed=1), random(4, 5, 3, 3, seed=2)
    magnitude = random(1, 6, 1, 1)  # the shape that PEFT gives it
    w = exact(weight)

    v = w + np.einsum("or,rihw->oihw", exact(up)[:, :, 0, 0], exact(down))
    norms = np.sqrt((v**2).sum((1, 2, 3), keepdims=True))
    expected = v * exact(magnitude).reshape(6, 1, 1, 1) / norms

    parts = {"up": up, "down": down, "lora_magnitude_vector": magnitude}
    assert_close(changed(parts, weight, 1), expected)


def test_dora_wraps_other_adapters() -> None:
    weight, blocks, magnitude = random(6, 10), random(6, 10, seed=4), random(6, 1)
    parts = {
        "hada_w1_a": random(6, 4, seed=1),
        "hada_w1_b": random(4, 10, seed=2),
        "hada_w2_a": random(6, 3, seed=3),
        "hada_w2_b": random(3, 10, seed=4),
        "dora_scale": magnitude,
    }
    a, b, c, d = (exact(each) for each in list(parts.values())[:4])
    w = exact(weight)

    v = w + (a @ b) * (c @ d)
    expected = v * exact(magnitude) / np.sqrt((w**2).sum(1, keepdims=True))

    assert blocks.shape == weight.shape
    assert_close(changed(parts, weight, 1), expected)


def test_a_replacement_ignores_strength_and_what_was_before() -> None:
    weight, replacement = random(6, 10), random(6, 10, seed=1)

    assert_close(changed({"set_weight": replacement}, weight, 0.3), exact(replacement))


@pytest.mark.parametrize("part", ["diff", "w_norm"])
def test_a_difference_is_added(part: str) -> None:
    weight, difference = random(6), random(6, seed=1)

    assert_close(changed({part: difference}, weight, 0.3), exact(weight) + 0.3 * exact(difference))


def test_of_several_forms_the_last_counts() -> None:
    difference, replacement = random(6, 10, seed=3), random(6, 10, seed=4)
    parts = {"up": random(6, 2), "down": random(2, 10), "diff": difference}
    weight = random(6, 10)

    assert_close(changed(parts, weight, 1), exact(weight) + exact(difference))
    assert_close(changed(parts | {"set_weight": replacement}, weight, 1), exact(replacement))


def test_biases_have_their_own_differences() -> None:
    bias = random(6)
    difference = random(6, seed=2)

    for part in ("diff_b", "b_norm"):
        adapter = bias_adapter({part: difference})
        assert adapter is not None
        assert_close(exact(adapter.add_to(bias.clone(), 0.5)), exact(bias) + 0.5 * exact(difference))
    assert bias_adapter({"diff": difference}) is None
    assert weight_adapter({"diff_b": difference, "alpha": torch.tensor(1.0)}) is None


ADAPTERS: dict[str, Parts] = {
    "lora": {"up": random(8, 2), "down": random(2, 12)},
    "loha": {
        "hada_w1_a": random(8, 2),
        "hada_w1_b": random(2, 12),
        "hada_w2_a": random(8, 2, seed=1),
        "hada_w2_b": random(2, 12, seed=1),
    },
    "lokr": {"lokr_w1": random(2, 3), "lokr_w2": random(4, 4)},
    "oft": {"oft_blocks": random(2, 4, 4)},
    "boft": {"oft_blocks": random(2, 2, 4, 4), "alpha": torch.tensor(9.0)},
    "glora": {"a1": random(12, 2), "a2": random(2, 12), "b1": random(8, 2), "b2": random(2, 12)},
    "dora": {"up": random(8, 2), "down": random(2, 12), "dora_scale": random(8, 1)},
    "dora_peft": {"up": random(8, 2), "down": random(2, 12), "lora_magnitude_vector": random(8)},
    "diff": {"diff": random(8, 12)},
}


@pytest.mark.parametrize("kind", ADAPTERS)
def test_no_strength_changes_no_bit(kind: str) -> None:
    weight = random(8, 12)

    adapter = weight_adapter(ADAPTERS[kind])

    assert adapter is not None
    assert torch.equal(adapter.add_to(weight.clone(), 0.0), weight)


@pytest.mark.parametrize("kind", ADAPTERS)
def test_adapters_of_another_size_do_not_fit(kind: str) -> None:
    adapter = weight_adapter(ADAPTERS[kind])

    assert isinstance(adapter, Adapter)
    assert adapter.fits(torch.Size((8, 12)))
    assert not adapter.fits(torch.Size((10, 12)))
    if "oft" not in kind:
        assert not adapter.fits(torch.Size((8, 16)))


@pytest.mark.parametrize("kind", ADAPTERS)
def test_half_precision_files_compute_in_float32(kind: str) -> None:
    half = {name: part.half() for name, part in ADAPTERS[kind].items()}
    adapter = weight_adapter(half)
    full = weight_adapter({name: part.float() for name, part in half.items()})
    weight = random(8, 12)

    assert adapter is not None
    assert full is not None
    assert torch.equal(adapter.add_to(weight.clone(), 0.7), full.add_to(weight.clone(), 0.7))
