"""Areas, masks, strengths and ranges against numbers recorded from the reference."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from app.inference.conditioning.area import Area, AreaShare
from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.conditioning.reach import AreaOutside, cropped, resolved, weight_map
from app.inference.denoiser import Feed
from app.inference.guidance.predictions import Predictions, Run
from app.inference.hooks.network import NetworkCall, NetworkHooks
from tests.unit.inference.toy_model import FAMILIES, ToyModel

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
MAPS: dict[str, Any] = json.loads((GOLDEN / "area.json").read_text())
RESOLVED: list[dict[str, Any]] = [
    case
    for case in json.loads((GOLDEN / "nodes.json").read_text())["cases"]
    if case.get("fixture") == "resolve"
]


class MeanOfTokens(ToyModel):
    """D = 0.25 x + mean of the entry's tokens, as the recorded stub."""

    def denoise(self, x: Tensor, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Tensor:
        return 0.25 * x + feed.context.mean(dim=(1, 2)).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("name", [name for name in MAPS if not name.startswith("_")])
def test_weights_of_an_area_are_the_recorded_ones(name: str) -> None:
    case = MAPS[name]
    height, width, y, x = (int(number) for number in re.findall(r"\d+", name.split(")")[0])[:4])
    size = int(name.rsplit("x", 1)[1])
    strength = 0.5 if "s=.5" in name else 1.0
    area = Area(height=height, width=width, y=y, x=x)
    entry = CondEntry(tokens=torch.zeros(1, 1, 1), area=area, strength=strength)
    latent = torch.zeros(1, 4, size, size)

    placed = resolved(entry, size, size)
    weights = weight_map(placed, latent)

    assert isinstance(placed.area, Area)
    area = placed.area
    assert [area.height, area.width, area.y, area.x] == case["area"]
    assert list(weights.shape) == case["shape"] == list(cropped(latent, area).shape)
    expected_row, expected_column = torch.tensor(case["mult_row_mid"]), torch.tensor(case["mult_col_mid"])
    torch.testing.assert_close(weights[0, 0, area.height // 2], expected_row, atol=1e-6, rtol=0)
    torch.testing.assert_close(weights[0, 0, :, area.width // 2], expected_column, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "area",
    [
        Area(height=4, width=4, y=8, x=0),
        Area(height=4, width=4, y=0, x=9),
        AreaShare(height=0.5, width=0.5, y=1.0, x=0.0),
    ],
)
def test_an_area_beyond_the_edge_is_refused_with_the_sizes(area: Area | AreaShare) -> None:
    with pytest.raises(AreaOutside, match="the picture is only 64 x 64 pixels"):
        resolved(CondEntry(tokens=torch.zeros(1, 1, 1), area=area), 8, 8)


@pytest.mark.parametrize("case", RESOLVED, ids=lambda case: f"{case['node']}: {case['case']}")
def test_entries_are_placed_and_averaged_as_recorded(case: dict[str, Any]) -> None:
    given = case["in"]
    x, sigma = _latent(given["x"]), torch.tensor(given["sigma"])
    model = MeanOfTokens(model_sampling=FAMILIES["eps"])
    sides = [_conditioning(given[side]) for side in ("positive", "negative")]

    predictions = Predictions(Run(model=model, latent=x, sigmas=sigma[None]), sides, (False, True))

    for found, expected in zip(predictions(x, sigma, (0, 1)), case["out"], strict=True):
        assert list(found.shape) == expected["shape"]
        if "data" in expected:
            actual, wanted = found.flatten(), torch.tensor(expected["data"], dtype=torch.float32)
        else:
            places = torch.arange(64) * (found.numel() - 1) // 63
            actual, wanted = found.flatten()[places], torch.tensor(expected["samples"])
        torch.testing.assert_close(actual, wanted, atol=1e-6 * max(1.0, wanted.abs().max().item()), rtol=0)


def _conditioning(described: dict[str, Any]) -> Conditioning:
    return tuple(_entry(each) for each in described["entries"])


def _entry(described: dict[str, Any]) -> CondEntry:
    meta = described["meta"]
    area = meta.get("area")
    if area is not None:
        kind, numbers = (AreaShare, area[1:]) if area[0] == "percentage" else (Area, area)
        area = kind(height=numbers[0], width=numbers[1], y=numbers[2], x=numbers[3])
    return CondEntry(
        tokens=_tokens(described["cond"]),
        strength=meta.get("strength", 1.0),
        area=area,
        mask=_mask(meta["mask"]) if "mask" in meta else None,
        mask_strength=meta.get("mask_strength", 1.0),
        mask_bounds=meta.get("set_area_to_bounds", False),
        start_percent=meta.get("start_percent"),
        end_percent=meta.get("end_percent"),
        is_default=meta.get("default", False),
    )


def _tokens(described: dict[str, Any]) -> Tensor:
    _, count, width = described["shape"]
    t, c = torch.arange(count)[:, None], torch.arange(width)
    return (((3 * t + 5 * c + described.get("k", 0)) % 13 - 6) / 4)[None]


def _mask(described: dict[str, Any]) -> Tensor:
    if described["$"] == "literal":
        return torch.tensor(described["data"], dtype=torch.float32).reshape(described["shape"])
    batch, height, width = described["shape"]
    b, y, x = torch.arange(batch)[:, None, None], torch.arange(height)[:, None], torch.arange(width)
    return ((5 * b + 3 * y + 2 * x + described.get("k", 0)) % 9) / 8


def _latent(described: dict[str, Any]) -> Tensor:
    batch, channels, height, width = described["shape"]
    b, c = torch.arange(batch)[:, None, None, None], torch.arange(channels)[:, None, None]
    y, x = torch.arange(height)[:, None], torch.arange(width)
    return ((7 * b + 5 * c + 3 * y + 2 * x + described.get("k", 0)) % 19 - 9) / 6
