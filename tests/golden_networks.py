"""Rebuilds files and pictures of `golden/pipelines_dit.json`; tests of VAEs and upscalers use it."""

import json
import math
import re
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

GOLDEN = Path(__file__).parent / "golden/pipelines_dit.json"
SAMPLES = 64
SHARE = 1e-4  # of the recorded standard deviation; the record's own tolerance for one network call
_PRELU = re.compile(r"body\.\d+\.weight")


@cache
def recorded() -> dict[str, Any]:
    """The whole record."""
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def save_network(path: Path, keys: list[list[Any]]) -> Path:
    """Write the file whose tensors are listed as [name, shape]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: weight(name, shape) for name, shape in keys}, path)
    return path


def weight(name: str, shape: list[int]) -> Tensor:
    """One tensor by the recorder's rules, as far as VAEs and upscalers need them."""
    random = normal(zlib.crc32(name.encode()), shape)
    if len(shape) == 1 and _PRELU.fullmatch(name):
        return 0.25 + 0.02 * random
    if len(shape) == 1:
        return 0.02 * random + (1 if name.endswith("weight") else 0)
    return random / math.sqrt(math.prod(shape[1:]))


def normal(seed: int, shape: list[int]) -> Tensor:
    """R(seed, shape) of the record."""
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))


def picture(height: int, width: int) -> Tensor:
    """IMG(height, width) of the record: [1, H, W, 3], 0..1."""
    y, x, c = torch.meshgrid(
        *(torch.arange(n, dtype=torch.float64) for n in (height, width, 3)), indexing="ij"
    )
    waves = 0.4 * torch.sin(0.31 * x + 0.17 * y + 1.1 * c) + 0.1 * torch.cos(0.9 * x - 0.7 * y)
    return (0.5 + waves).float()[None]


def hole(height: int, width: int) -> Tensor:
    """MASK(height, width) of the record: a rectangle of ones."""
    mask = torch.zeros(1, height, width)
    mask[:, height // 3 : height // 3 + height // 2, width // 4 : width // 4 + width // 2] = 1
    return mask


def assert_recorded(actual: Tensor, expected: dict[str, Any]) -> None:
    """Compare every number that the record lists of a tensor."""
    assert list(actual.shape) == expected["shape"]
    flat = actual.double().flatten()
    sampled = flat
    if len(flat) > SAMPLES:
        sampled = flat[[k * (len(flat) - 1) // (SAMPLES - 1) for k in range(SAMPLES)]]
    limit = SHARE * expected["std"]
    assert abs(flat.mean().item() - expected["mean"]) <= limit
    assert abs(flat.std(correction=0).item() - expected["std"]) <= limit
    assert (sampled - torch.tensor(expected["val"], dtype=torch.float64)).abs().max().item() <= limit
