"""Nodes against recorded inputs and outputs of ComfyUI."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from app.files.errors import UnsafeName
from app.nodes.declare import NodeResult
from app.nodes.registry import builtin_nodes
from tests.unit.nodes import picture_files
from tests.unit.nodes.recorded import assert_matches, case_name, cases, value
from tests.unit.nodes.recording_context import RecordingContext

NODES = builtin_nodes()

PLAIN = cases(
    "EmptyImage",
    "EmptyLatentImage",
    "ImageInvert",
    "ImageScale",
    "ImageScaleBy",
    "LatentUpscale",
    "LatentUpscaleBy",
    "PrimitiveBoolean",
    "PrimitiveFloat",
    "PrimitiveInt",
    "PrimitiveString",
    "PrimitiveStringMultiline",
    "SetLatentNoiseMask",
)
PICTURES = [  # TIFF files are not among the formats that strangers' pictures may have
    case for case in cases("LoadImage", "LoadImageMask") if case["case"].split()[0] in picture_files.KNOWN
]


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path)


@pytest.mark.parametrize("case", [each for each in PLAIN if "out" in each], ids=case_name)
def test_node_gives_the_recorded_output(context: RecordingContext, case: dict[str, Any]) -> None:
    inputs = {name: value(described) for name, described in case["in"].items()}

    outputs = NODES[case["node"]].run(context, **inputs)

    assert isinstance(outputs, tuple)
    tolerance = 1e-5 if inputs.get("upscale_method") == "bislerp" else 1e-6
    assert len(outputs) == len(case["out"])
    for actual, expected in zip(outputs, case["out"], strict=True):
        assert_matches(actual, expected, tolerance)


@pytest.mark.parametrize("case", [each for each in PLAIN if "error" in each], ids=case_name)
def test_node_refuses_what_was_refused(context: RecordingContext, case: dict[str, Any]) -> None:
    inputs = {name: value(described) for name, described in case["in"].items()}

    with pytest.raises(ValueError, match=r"size|channels"):
        NODES[case["node"]].run(context, **inputs)


@pytest.mark.parametrize("case", PICTURES, ids=case_name)
def test_picture_file_gives_the_recorded_tensors(context: RecordingContext, case: dict[str, Any]) -> None:
    file_name = case["case"].split()[0]
    picture_files.write_picture(context.folders.input / file_name)
    channel = {"channel": case["in"]["channel"]} if "channel" in case["in"] else {}

    outputs = NODES[case["node"]].run(context, image=file_name, **channel)

    assert isinstance(outputs, tuple)
    for actual, expected in zip(outputs, case["out"], strict=True):
        assert_matches(actual, expected)


@pytest.mark.parametrize("case", cases("PreviewAny"), ids=case_name)
def test_preview_any_shows_the_recorded_text(context: RecordingContext, case: dict[str, Any]) -> None:
    result = NODES["PreviewAny"].run(context, source=value(case["in"]["source"]))

    assert isinstance(result, NodeResult)
    assert result.ui == case["ui"]


@pytest.mark.parametrize("case", [each for each in cases("SaveImage") if "files" in each], ids=case_name)
def test_saved_pictures_are_the_recorded_ones(context: RecordingContext, case: dict[str, Any]) -> None:
    inputs = case["in"]
    context.prompt, context.extra_pnginfo = inputs["prompt"], inputs["extra_pnginfo"]
    _fill_earlier_counters(context.folders.output, case)

    result = NODES["SaveImage"].run(
        context, images=value(inputs["images"]), filename_prefix=inputs["filename_prefix"]
    )

    assert isinstance(result, NodeResult)
    assert result.ui == case["ui"]
    assert context.files == [context.folders.output / each["path"] for each in case["files"]]
    for expected in case["files"]:
        _assert_file(context.folders.output / expected["path"], expected)


def test_prefix_that_leaves_the_output_folder_is_refused(context: RecordingContext) -> None:
    (case,) = [each for each in cases("SaveImage") if "error" in each]
    picture = value({"$": "image", "shape": [1, 2, 2, 3]})

    with pytest.raises(UnsafeName):
        NODES["SaveImage"].run(context, images=picture, filename_prefix=case["in"]["filename_prefix"])


def test_preview_image_writes_the_recorded_file_into_temp(context: RecordingContext) -> None:
    (case,) = cases("PreviewImage")
    context.prompt = case["in"]["prompt"]

    result = NODES["PreviewImage"].run(context, images=value(case["in"]["images"]))

    assert isinstance(result, NodeResult)
    (shown,) = result.ui["images"]
    assert {**shown, "filename": ""} == {**case["ui"]["images"][0], "filename": ""}
    assert Path(shown["filename"]).match("ComfyUI_temp_?????_00001_.png")
    _assert_file(context.folders.temp / shown["filename"], case["files"][0])


def _fill_earlier_counters(folder: Path, case: dict[str, Any]) -> None:
    """Put files there that earlier cases of the record had written."""
    if case["case"] == "counter goes on":
        (folder / "sub").mkdir(parents=True)
        for number in (1, 2):
            (folder / f"sub/a_{number:05}_.png").touch()


def _assert_file(path: Path, expected: dict[str, Any]) -> None:
    with Pillow.open(path) as picture:
        assert picture.mode == expected["mode"]
        assert list(picture.size) == expected["size"]
        assert np.asarray(picture).flatten().tolist() == expected["pixels"]
        assert {key: text for key, text in picture.info.items() if isinstance(text, str)} == expected["text"]
    assert _chunk_types(path.read_bytes()) == expected["chunk_types"]


def _chunk_types(png: bytes) -> list[str]:
    types, place = [], 8
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        types.append(png[place + 4 : place + 8].decode())
        place += length + 12
    return types
