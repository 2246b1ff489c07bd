"""Reads the recorded node cases: builds their input tensors by formula and compares outputs."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from app.inference.latents import LatentBatch

GOLDEN = Path(__file__).parents[2] / "golden"


@cache
def _cases() -> list[dict[str, Any]]:
    return json.loads((GOLDEN / "nodes.json").read_text(encoding="utf-8"))["cases"]


def cases(*nodes: str) -> list[dict[str, Any]]:
    """All recorded cases of these node classes."""
    return [case for case in _cases() if case["node"] in nodes]


def case_name(case: dict[str, Any]) -> str:
    """How a case is called in test reports."""
    return f"{case['node']}-{case['case']}"


def value(described: Any) -> Any:
    """An input as the file describes it; plain values stand for themselves."""
    match described:
        case {"$": "image", "shape": shape, **rest}:
            b, y, x, c = _axes(shape)
            return ((7 * b + 3 * y + 5 * x + 11 * c + rest.get("k", 0)) % 17).float() / 16
        case {"$": "mask", "shape": shape, **rest}:
            return _mask(shape, rest.get("k", 0))
        case {"$": "latent", "shape": shape, **rest}:
            b, c, y, x = _axes(shape)
            return (((7 * b + 5 * c + 3 * y + 2 * x + rest.get("k", 0)) % 19) - 9).float() / 6
        case {"$": "literal", "shape": shape, "data": data}:
            return torch.tensor(data, dtype=torch.float32).reshape(shape)
        case {"$": "LATENT", **parts}:
            return LatentBatch(**{name: value(part) for name, part in parts.items() if name != "$"})
        case _:
            return described


def assert_matches(actual: Any, expected: Any, tolerance: float = 1e-6) -> None:
    """Compare one output with its record."""
    if isinstance(actual, LatentBatch):
        assert_matches(actual.samples, expected["samples"], tolerance)
        if "noise_mask" in expected:
            assert_matches(actual.noise_mask, expected["noise_mask"], tolerance)
        else:
            assert actual.noise_mask is None
    elif isinstance(actual, Tensor):
        _assert_tensor(actual, expected, tolerance)
    else:
        assert actual == expected
        assert type(actual) is type(expected)


def _assert_tensor(actual: Tensor, expected: dict[str, Any], tolerance: float) -> None:
    assert list(actual.shape) == expected["shape"]
    assert str(actual.dtype) == f"torch.{expected['dtype']}"
    flat = actual.flatten()
    if "data" in expected:
        wanted = torch.tensor(expected["data"], dtype=torch.float32)
    else:
        wanted = torch.tensor(expected["samples"], dtype=torch.float32)
        flat = flat[[k * (len(flat) - 1) // 63 for k in range(64)]]
        assert actual.mean().item() == pytest.approx(expected["mean"], abs=10 * tolerance)
        assert actual.std(correction=0).item() == pytest.approx(expected["std"], abs=10 * tolerance)
    limit = tolerance * max(1.0, wanted.abs().max().item())
    assert (flat - wanted).abs().max().item() <= limit


def _axes(shape: list[int]) -> tuple[Tensor, ...]:
    return torch.meshgrid(*(torch.arange(size) for size in shape), indexing="ij")


def _mask(shape: list[int], k: int) -> Tensor:
    axes = _axes(shape)
    y, x = axes[-2], axes[-1]
    batch = axes[0] if len(shape) > 2 else 0
    return ((5 * batch + 3 * y + 2 * x + k) % 9).float() / 8
