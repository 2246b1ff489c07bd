"""Upscale models of every layout against pictures recorded from ComfyUI, through the nodes."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch import device as Device

from app.inference.models.upscalers.load_upscaler import load_upscaler
from app.inference.tiling import Tiling, run_tiled
from app.nodes.declare import NodeResult
from app.nodes.registry import builtin_nodes
from tests.golden_networks import assert_recorded, picture, recorded, save_network
from tests.unit.nodes.recording_context import RecordingContext

NODES = builtin_nodes()
MODELS: dict[str, dict[str, Any]] = {
    name: each for name, each in recorded()["upscale"].items() if name != "doc"
}
CASES = [(name, key) for name, each in MODELS.items() for key in each if "IMG" in key]
TILED, UNTILED = "tiled with", "untiled"  # runs of the network alone
FILE = "model.safetensors"


def size_of(case: str) -> tuple[int, int]:
    match = re.search(r"IMG\((\d+),(\d+)\)", case)
    assert match is not None
    return int(match[1]), int(match[2])


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path)


def through_nodes(context: RecordingContext, image: Tensor) -> Tensor:
    loaded = NODES["UpscaleModelLoader"].run(context, model_name=FILE)
    assert not isinstance(loaded, NodeResult)
    enlarged = NODES["ImageUpscaleWithModel"].run(context, upscale_model=loaded[0], image=image)
    assert not isinstance(enlarged, NodeResult)
    return enlarged[0]


@pytest.mark.parametrize(("name", "case"), [each for each in CASES if "clamp" not in each[1]])
def test_enlarged_picture_is_the_recorded_one(context: RecordingContext, name: str, case: str) -> None:
    save_network(context.folders.base / "models/upscale_models" / FILE, MODELS[name]["keys"])

    enlarged = through_nodes(context, picture(*size_of(case)))

    assert_recorded(enlarged, MODELS[name][case])
    assert context.steps[-1][0] == context.steps[-1][1]


@pytest.mark.parametrize(("name", "case"), [each for each in CASES if "clamp" in each[1]])
@torch.no_grad()
def test_network_alone_gives_the_recorded_numbers_in_small_tiles_and_whole(
    tmp_path: Path, name: str, case: str
) -> None:
    model = load_upscaler(save_network(tmp_path / FILE, MODELS[name]["keys"]), Device("cpu"))
    pixels = picture(*size_of(case)).movedim(-1, 1)
    tile = 32 if case.startswith(TILED) else 512

    enlarged = run_tiled(
        model, pixels, (Tiling(height=tile, width=tile, overlap=8),), scale=MODELS[name]["scale"]
    )

    assert_recorded(enlarged, MODELS[name][case])


def test_each_input_changes_the_picture(context: RecordingContext) -> None:
    file = context.folders.base / "models/upscale_models" / FILE
    save_network(file, MODELS["Compact x2"]["keys"])
    image = picture(20, 28)

    first = through_nodes(context, image)
    of_other_picture = through_nodes(context, 1 - image)
    save_network(file, MODELS["Real-ESRGAN x2 (12 input channels: pixel unshuffle 2 first)"]["keys"])
    by_other_model = through_nodes(context, image)

    assert first.shape == of_other_picture.shape == by_other_model.shape
    assert (first - of_other_picture).abs().max() > 1e-2
    assert (first - by_other_model).abs().max() > 1e-2
