"""Whole prompts against numbers recorded from ComfyUI, on a tiny checkpoint made by formula.

The file's `_doc` tells how weights, pictures and numbers are made; every number listed there is compared.
"""

import copy
import json
import math
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import save_file
from torch import Tensor

from app.inference.conditioning import CondEntry
from app.inference.hooks import NO_NETWORK_HOOKS
from app.inference.latents import LatentBatch
from app.inference.samplers.registry import SAMPLERS
from app.inference.schedules import SCHEDULERS
from app.nodes.registry import builtin_nodes
from tests.unit.inference.toy_model import one_call
from tests.unit.nodes.recording_context import RecordingContext

GOLDEN = Path(__file__).parents[2] / "golden/pipelines_unet.json"
NODES = builtin_nodes()
SHARE = 1e-4  # of the largest magnitude; the file's own tolerance
NOT_YET = "embedding:"  # names of textual inversions in prompts
IDEOGRAPHS = "日本語"  # split otherwise by the recorder's tokenizer; the token records allow both ways
COVERED_ELSEWHERE = ("latent: LatentUpscale", "hires fix bilinear", "hires fix area", "hires fix bicubic")


@cache
def family() -> dict[str, Any]:
    """The recorded family of Stable Diffusion 1."""
    return json.loads(GOLDEN.read_text(encoding="utf-8"))["families"]["sd1"]


def prompt_of(case: dict[str, Any]) -> dict[str, Any]:
    """The case's prompt; a case may be another one with some inputs replaced."""
    if "graph" in case:
        return copy.deepcopy(case["graph"])
    prompt = prompt_of(family()["cases"][case["from"]])
    for node, inputs in case.get("set", {}).items():
        prompt[node]["inputs"].update(inputs)
    return prompt


def runs_here(case: dict[str, Any]) -> bool:
    """Whether nodes, samplers, schedulers and texts of the case are among what runs."""
    nodes = prompt_of(case).values()
    values = {name: {node["inputs"].get(name) for node in nodes} for name in ("sampler_name", "scheduler")}
    return (
        all(node["class_type"] in NODES for node in nodes)
        and values["sampler_name"] <= {None, *SAMPLERS}
        and values["scheduler"] <= {None, *SCHEDULERS}
        and not any(NOT_YET in str(node["inputs"].get("text")) for node in nodes)
    )


CASES = [
    name
    for name, case in family()["cases"].items()
    if runs_here(case) and not name.startswith(COVERED_ELSEWHERE)
]
TEXTS = [
    each for each in family()["text"] if not any(word in each["prompt"] for word in (NOT_YET, IDEOGRAPHS))
]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RecordingContext:
    made = RecordingContext(tmp_path_factory.mktemp("recorded"))
    weights = {name: _weight(name, shape) for name, shape in family()["keys"]}
    save_file(weights, made.folders.base / "models/checkpoints" / family()["checkpoint"])
    _write_pictures(made.folders.input)
    return made


def test_enough_cases_run() -> None:
    assert len(CASES) >= 50
    assert len(TEXTS) >= 8


@pytest.mark.parametrize("name", CASES)
def test_prompt_gives_the_recorded_numbers(context: RecordingContext, name: str) -> None:
    case = family()["cases"][name]

    results = _run(context, prompt_of(case))

    for place, expected in case["expect"].items():
        node, _, slot = place.partition(":")
        _assert_equal(results[node][int(slot or 0)], expected, case.get("rel_tol", SHARE))


@pytest.mark.parametrize("entry", TEXTS, ids=lambda entry: entry["prompt"][:40])
def test_text_gives_the_recorded_states(context: RecordingContext, entry: dict[str, Any]) -> None:
    clip = _load(context)[1]

    (encoded,) = clip.encode(entry["prompt"])

    _assert_tensor(encoded.tokens, entry["cond"])
    assert encoded.pooled is not None
    _assert_tensor(encoded.pooled, entry["pooled"])


def test_unet_gives_the_recorded_outputs(context: RecordingContext) -> None:
    model, clip, _ = _load(context)
    for case in family()["unet"]:
        x = _random(case["x"])
        tokens = clip.encode(case["context"])[0].tokens.expand(len(x), -1, -1)
        with torch.inference_mode():
            output = model.network(
                x,
                torch.tensor([float(case["timestep"])]).expand(len(x)),
                tokens,
                None,
                one_call(torch.tensor(1.0), model.model_sampling),
                NO_NETWORK_HOOKS,
            )
        _assert_tensor(output, case["out"])


def test_vae_gives_the_recorded_pictures_and_latents(context: RecordingContext) -> None:
    vae = _load(context)[2]
    for case in family()["vae"]["decode"]:
        _assert_tensor(vae.decode(_random(case["z"])), case["image"])
    for case in family()["vae"]["encode"]:
        _assert_tensor(vae.encode(_random(case["pixels"])), case["latent"])


def _load(context: RecordingContext) -> tuple[Any, ...]:
    outputs = NODES["CheckpointLoaderSimple"].run(context, ckpt_name=family()["checkpoint"])
    assert isinstance(outputs, tuple)
    return outputs


def _run(context: RecordingContext, prompt: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """All outputs by node id."""
    results: dict[str, tuple[Any, ...]] = {}

    def outputs(node_id: str) -> tuple[Any, ...]:
        if node_id not in results:
            node = prompt[node_id]
            inputs = {
                name: outputs(given[0])[given[1]] if isinstance(given, list) else given
                for name, given in node["inputs"].items()
            }
            returned = NODES[node["class_type"]].run(context, **inputs)
            results[node_id] = returned if isinstance(returned, tuple) else returned.outputs
        return results[node_id]

    with torch.inference_mode():
        for node_id in prompt:
            outputs(node_id)
    return results


def _assert_equal(actual: Any, expected: dict[str, Any], share: float) -> None:
    match expected["type"]:
        case "LATENT":
            assert isinstance(actual, LatentBatch)
            _assert_tensor(actual.samples, expected["samples"], share)
        case "CONDITIONING":
            for ours, theirs in zip(actual, expected["entries"], strict=True):
                assert isinstance(ours, CondEntry)
                _assert_tensor(ours.tokens, theirs["cond"], share)
        case _:
            _assert_tensor(actual, expected["tensor"], share)


def _assert_tensor(actual: Tensor, expected: dict[str, Any], share: float = SHARE) -> None:
    assert list(actual.shape) == expected["shape"]
    flat = actual.double().flatten()
    if "values" in expected:
        wanted = torch.tensor(expected["values"], dtype=torch.float64)
        assert (flat - wanted).abs().max() <= share * wanted.abs().max()
        return
    limit = share * expected["absmax"]
    numbers = {
        "mean": flat.mean(),
        "std": flat.std(correction=0),
        "absmax": flat.abs().max(),
        "at": flat[torch.arange(64) * 7919 % len(flat)],
    }
    if "row_norms" in expected:
        numbers["row_norms"] = actual[0].double().norm(dim=-1)
    for name, number in numbers.items():
        difference = (number - torch.tensor(expected[name], dtype=torch.float64)).abs().max().item()
        assert difference <= limit, f"{name} is off by {difference}, allowed is {limit}"


def _weight(name: str, shape: list[int]) -> Tensor:
    random = _normal(shape, zlib.crc32(name.encode()))
    if name.endswith("token_embedding.weight"):
        return 0.5 * random
    if name.endswith("position_embedding.weight"):
        return 0.25 * random
    if len(shape) == 1:
        return 0.02 * random + (1 if name.endswith(".weight") else 0)
    return random / math.sqrt(math.prod(shape[1:]))


def _random(described: str) -> Tensor:
    """The tensor that `randn([2,4,16,24], seed 7)` or `rand(...)` stands for."""
    kind, _, rest = described.partition("(")
    shape, _, seed = rest.partition("], seed ")
    generator = torch.Generator("cpu").manual_seed(int(seed.removesuffix(")")))
    return {"rand": torch.rand, "randn": torch.randn}[kind](json.loads(shape + "]"), generator=generator)


def _normal(shape: list[int], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))


def _write_pictures(folder: Path) -> None:
    wide = _colours(192, 128)
    x = np.mgrid[:128, :192][1]
    hole = np.full((128, 192), 255)
    hole[32:96, 48:144], hole[32:96, 144:160] = 0, 128
    alphas = {"hole": hole, "grad": 255 * x // 191, "left": np.where(x < 96, 0, 255)}
    Pillow.fromarray(wide).save(folder / "golden_a.png")
    Pillow.fromarray(_colours(203, 134)).save(folder / "golden_odd.png")
    for name, alpha in alphas.items():
        rgba = np.dstack([wide, alpha.astype(np.uint8)])
        Pillow.fromarray(rgba).save(folder / f"golden_{name}.png")


def _colours(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    channels = [5 * x + 3 * y, x * y // 7 + 40, 255 - 2 * x + 4 * y]
    return np.dstack([each % 256 for each in channels]).astype(np.uint8)
