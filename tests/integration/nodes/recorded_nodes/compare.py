"""Compares what a node gave with its record, by the record's own rules."""

import math
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any

import pytest
import torch
from torch import Tensor

from app.inference.conditioning.control import AppliedControl
from app.inference.conditioning.entry import CondEntry
from app.inference.latents.batch import LatentBatch
from tests.integration.nodes.recorded_nodes.values import entry

WITHIN = 1e-6
LOOSER = {"model_sampling": 1e-5, "sag_blur": 1e-5, "uso": 1e-5}  # by fixture; the record's own tolerances
RANDOM_PART = "?????"


def tolerance(case: dict[str, Any]) -> float:
    """How far numbers may differ, times the largest expected magnitude if that is above 1."""
    if case["in"].get("upscale_method") == "bislerp":
        return 1e-5
    return LOOSER.get(case.get("fixture", ""), WITHIN)


def assert_matches(actual: Any, expected: Any, within: float = WITHIN, place: str = "") -> None:
    """Compare one value with its record; `place` says where it stands."""
    match expected, actual:
        case {"$": "object"}, _:
            pass
        case {"shape": _, "dtype": _}, Tensor():
            _assert_tensor(actual, expected, within, place)
        case {"samples": _}, LatentBatch():
            _assert_latents(actual, expected, within, place)
        case list(), tuple() if actual and isinstance(actual[0], CondEntry):
            _assert_conditioning(actual, expected, within, place)
        case list(), list() | tuple():
            assert len(actual) == len(expected), f"{place}: {len(actual)} values, not {len(expected)}"
            for index, (ours, theirs) in enumerate(zip(actual, expected, strict=True)):
                assert_matches(ours, theirs, within, f"{place}[{index}]")
        case dict(), dict():
            assert set(actual) == set(expected), f"{place}: has {sorted(actual)}, not {sorted(expected)}"
            for key in expected:
                assert_matches(actual[key], expected[key], within, f"{place}.{key}")
        case str(), str() if RANDOM_PART in expected:
            assert fnmatchcase(actual, expected), f"{place}: {actual!r} is not like {expected!r}"
        case int() | float(), float() if not isinstance(expected, bool):
            limit = within * max(1.0, abs(expected))
            assert actual == pytest.approx(expected, abs=limit, rel=0), place
        case _:
            assert actual == expected, place
            assert type(actual) is type(expected), f"{place}: {actual!r} is a {type(actual).__name__}"


def _assert_tensor(actual: Tensor, expected: dict[str, Any], within: float, place: str) -> None:
    assert list(actual.shape) == expected["shape"], place
    assert str(actual.dtype) == f"torch.{expected['dtype']}", place
    flat = actual.flatten().double()
    if "data" in expected:
        wanted = _numbers(expected["data"])
    else:
        wanted = _numbers(expected["samples"])
        limit = within * max(1.0, abs(expected["mean"]), expected["std"])
        assert flat.mean().item() == pytest.approx(expected["mean"], abs=limit, rel=0), place
        assert flat.std(correction=0).item() == pytest.approx(expected["std"], abs=limit, rel=0), place
        flat = flat[[k * (len(flat) - 1) // 63 for k in range(64)]]
    finite = wanted[wanted.isfinite()]
    largest = finite.abs().max().item() if len(finite) else 0.0
    torch.testing.assert_close(
        flat,
        wanted,
        rtol=0,
        atol=within * max(1.0, largest),
        equal_nan=True,
        msg=lambda text: f"{place}: {text}",
    )


def _numbers(data: list[Any]) -> Tensor:
    # the record has nine digits, which name one float32 each
    return torch.tensor([float(each) for each in data], dtype=torch.float32).double()


def _assert_latents(actual: LatentBatch, expected: dict[str, Any], within: float, place: str) -> None:
    assert_matches(actual.samples, expected["samples"], within, f"{place}.samples")
    for name in ("noise_mask", "batch_index"):
        ours = getattr(actual, name)
        if name in expected:
            assert_matches(ours, expected[name], within, f"{place}.{name}")
        else:
            assert ours is None, f"{place}.{name} should not be there"


def _assert_conditioning(
    actual: tuple[CondEntry, ...], expected: list[Any], within: float, place: str
) -> None:
    assert len(actual) == len(expected), place
    for index, (ours, theirs) in enumerate(zip(actual, expected, strict=True)):
        wanted = entry(_as_input(theirs["cond"]), _as_input(theirs["meta"]))
        for each in fields(CondEntry):
            there = f"{place}[{index}].{each.name}"
            _assert_field(getattr(ours, each.name), getattr(wanted, each.name), within, there)


def _assert_field(ours: Any, wanted: Any, within: float, place: str) -> None:
    if isinstance(wanted, Tensor):
        assert isinstance(ours, Tensor), f"{place} is {ours!r}"
        limit = within * max(1.0, wanted.abs().max().item())
        torch.testing.assert_close(ours, wanted, rtol=0, atol=limit, msg=lambda text: f"{place}: {text}")
    elif isinstance(wanted, float):
        assert math.isclose(ours, wanted, rel_tol=1e-8), f"{place} is {ours!r}, not {wanted!r}"
    elif isinstance(wanted, AppliedControl):
        assert isinstance(ours, AppliedControl), f"{place} is {ours!r}"
        assert (ours.vae is None) == (wanted.vae is None), place
        for name in (each.name for each in fields(AppliedControl) if each.name not in ("net", "vae")):
            _assert_field(getattr(ours, name), getattr(wanted, name), within, f"{place}.{name}")
    else:
        assert ours == wanted, f"{place} is {ours!r}, not {wanted!r}"


def _as_input(recorded: Any) -> Any:
    """A recorded output tensor in the form that recorded inputs have."""
    match recorded:
        case {"shape": shape, "data": data, "dtype": "float32"}:
            return {"$": "literal", "shape": shape, "data": data}
        case dict():
            return {key: _as_input(each) for key, each in recorded.items()}
        case list():
            return [_as_input(each) for each in recorded]
        case _:
            return recorded
