"""Rebuilds the model files and pictures behind the recorded pipelines; tests of every kind run on them.

`golden/pipelines_unet.json` tells in its `_doc` how names and shapes become weights. A file is written when a
test first needs it and stays for the session.
"""

import json
import math
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow
from safetensors.torch import save_file
from torch import Tensor
from torch import device as Device

from app.inference.memory.model_store import ModelStore
from app.inference.models.files.pickles import Pickles
from tests.unit.nodes.recording_context import RecordingContext

GOLDEN = Path(__file__).parent / "golden/pipelines_unet.json"
SECOND_MODELS = {"golden_sd1_b.safetensors": "sd1", "golden_sdxl_b.safetensors": "sdxl"}
SECOND_SALT = "B|"
KEPT_BYTES = 1_000_000_000  # of loaded models, so that a long session does not collect them all


@cache
def recorded() -> dict[str, Any]:
    """The whole file of recorded pipelines."""
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


class GoldenModels:
    """A base folder that holds what recorded prompts name, and the models loaded from it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._models = ModelStore(Device("cpu"), KEPT_BYTES, pickles=Pickles(copies=base / "copies"))
        self._written: set[str] = set()
        _write_pictures(self.context().folders.input)

    def context(self) -> RecordingContext:
        """New surroundings for a prompt; loaded models are shared."""
        context = RecordingContext(self.base)
        context.models = self._models
        return context

    def path(self, name: str) -> Path:
        """A model file by its name, written when it is not there yet."""
        if name in recorded()["files"]:
            path = self.base / "models" / recorded()["files"][name]["folder"] / name
        else:
            path = self.base / "models/checkpoints" / name
        if name not in self._written:
            path.parent.mkdir(parents=True, exist_ok=True)
            _save(name, path)
            self._written.add(name)
        return path

    def checkpoint(self, family: str) -> Path:
        """The checkpoint of a recorded family."""
        return self.path(recorded()["families"][family]["checkpoint"])

    def prepare(self, prompt: dict[str, Any]) -> None:
        """Write every file that a prompt in API format names."""
        values = [value for node in prompt.values() for value in node["inputs"].values()]
        texts = [value for value in values if isinstance(value, str)]
        for text in texts:
            if text in model_names():
                self.path(text)
        if any("embedding:" in text for text in texts):
            for name, described in recorded()["files"].items():
                if described["folder"] == "embeddings":
                    self.path(name)


@cache
def model_names() -> frozenset[str]:
    """Names of all model files that prompts may mention."""
    checkpoints = {family["checkpoint"] for family in recorded()["families"].values()}
    return frozenset({*recorded()["files"], *checkpoints, *SECOND_MODELS})


def family_weights(family: str, salt: str = "") -> dict[str, Tensor]:
    """All tensors of the checkpoint of a recorded family, float32."""
    described = recorded()["families"][family]
    shapes = dict(recorded()["families"][described.get("keys_as", family)]["keys"])
    shapes.update(described.get("keys_override", []))
    weights = {name: weight(salt, name, shape) for name, shape in shapes.items()}
    for name, factor in described.get("scaled_keys", {}).items():
        weights[name] *= factor
    return weights | _extra_tensors(described)


def file_weights(name: str) -> dict[str, Tensor]:
    """All tensors of an auxiliary file (LoRA, ControlNet, embedding ...), float32."""
    described = recorded()["files"][name]
    weights = {
        key: weight(described["salt"], key, shape, described.get("std")) for key, shape in described["keys"]
    }
    weights |= {key: torch.tensor(float(value)) for key, value in described.get("const", {}).items()}
    return weights | _extra_tensors(described)


def weight(salt: str, name: str, shape: list[int], std: float | None = None) -> Tensor:
    """One tensor by the recorder's rules."""
    random = _normal(shape, zlib.crc32((salt + name).encode()))
    if std is not None:
        return std * random
    if name.endswith("dora_scale"):
        return 1 + 0.1 * random
    if name.endswith("token_embedding.weight"):
        return 0.5 * random
    if name.endswith(("position_embedding.weight", "positional_embedding")):
        return 0.25 * random
    if len(shape) == 1:
        return 0.02 * random + (1 if name.endswith(".weight") else 0)
    return random / math.sqrt(math.prod(shape[1:]))


def random_tensor(described: str) -> Tensor:
    """The tensor that `randn([2,4,16,24], seed 7)` or `rand(...)` stands for."""
    kind, _, rest = described.partition("(")
    shape, _, seed = rest.partition("], seed ")
    generator = torch.Generator("cpu").manual_seed(int(seed.removesuffix(")")))
    return {"rand": torch.rand, "randn": torch.randn}[kind](json.loads(shape + "]"), generator=generator)


def _normal(shape: Iterable[int], seed: int) -> Tensor:
    return torch.randn(tuple(shape), generator=torch.Generator("cpu").manual_seed(seed))


def _save(name: str, path: Path) -> None:
    if name in SECOND_MODELS:
        save_file(family_weights(SECOND_MODELS[name], SECOND_SALT), path)
    elif name not in recorded()["files"]:
        families = recorded()["families"].items()
        save_file(family_weights(next(key for key, each in families if each["checkpoint"] == name)), path)
    elif path.suffix == ".pt":
        torch.save(_hypernetwork(file_weights(name)), path)
    else:
        save_file(file_weights(name), path)


def _extra_tensors(described: dict[str, Any]) -> dict[str, Tensor]:
    extra = {name: torch.zeros(0) for name in described.get("extra_empty_tensors", [])}
    for name, value in described.get("extra_tensors", {}).items():
        if isinstance(value, str):  # such as "zeros [1,4,1,1]"
            kind, _, shape = value.partition(" ")
            extra[name] = {"zeros": torch.zeros, "ones": torch.ones}[kind](json.loads(shape))
        else:
            extra[name] = torch.tensor(float(value))
    return extra


def _hypernetwork(weights: dict[str, Tensor]) -> dict[Any, Any]:
    """The nested layout of hypernetwork files, from names like `64.0.linear.0.weight`."""
    widths: dict[Any, Any] = {}
    for key, tensor in weights.items():
        width, number, name = key.split(".", 2)
        widths.setdefault(int(width), [{}, {}])[int(number)][name] = tensor
    return widths | {"activation_func": "relu"}


def _write_pictures(folder: Path) -> None:
    wide = _colours(192, 128)
    x = np.mgrid[:128, :192][1]
    hole = np.full((128, 192), 255)
    hole[32:96, 48:144], hole[32:96, 144:160] = 0, 128
    alphas = {"hole": hole, "grad": 255 * x // 191, "left": np.where(x < 96, 0, 255)}
    Pillow.fromarray(wide).save(folder / "golden_a.png")
    Pillow.fromarray(_colours(203, 134)).save(folder / "golden_odd.png")
    Pillow.fromarray(_hint()).save(folder / "golden_hint.png")
    for name, alpha in alphas.items():
        rgba = np.dstack([wide, alpha.astype(np.uint8)])
        Pillow.fromarray(rgba).save(folder / f"golden_{name}.png")


def _colours(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    channels = [5 * x + 3 * y, x * y // 7 + 40, 255 - 2 * x + 4 * y]
    return np.dstack([each % 256 for each in channels]).astype(np.uint8)


def _hint() -> np.ndarray:
    y, x = np.mgrid[:256, :256]
    h = np.where((x // 16 + y // 24) % 2 == 1, 255, 0)
    return np.dstack([h, np.roll(h, 5, axis=0), 255 - h]).astype(np.uint8)
