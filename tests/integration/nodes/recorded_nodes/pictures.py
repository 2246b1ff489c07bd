"""Runs the recorded cases that read or write picture files."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from app.files.uploads import root_of
from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.picture_files import write_picture
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

DOCUMENTS = ("prompt", "extra_pnginfo")  # recorded as inputs, but nodes find them in their surroundings
NOT_INPUTS = {"MaskPreview": ("filename_prefix",)}


def load(case: Case, context: RecordingContext) -> Seen:
    """Load the picture file that the case is named after."""
    file_name = case["case"].split()[0]
    write_picture(context.folders.input / file_name)
    given = {name: each for name, each in case["in"].items() if name != "file"}
    return call(context, case["node"], {"image": file_name, **given})


def save(case: Case, context: RecordingContext) -> Seen:
    """Save pictures and describe the files that came of it."""
    context.prompt = case["in"].get("prompt") or {}
    context.metadata = bool(context.prompt)
    context.extra_pnginfo = case["in"].get("extra_pnginfo")
    _write_earlier_files(context.folders.output, case)
    left_out = (*DOCUMENTS, *NOT_INPUTS.get(case["node"], ()))
    inputs = {name: value(each) for name, each in case["in"].items() if name not in left_out}
    if "images" not in inputs and case["node"] != "MaskPreview":
        inputs["images"] = value({"$": "image", "shape": [1, 2, 2, 3]})
    seen = call(context, case["node"], inputs)
    del seen["out"]
    shown = seen["ui"]["images"]
    root = root_of(context.folders, shown[0]["type"])
    paths = [root / each["subfolder"] / each["filename"] for each in shown]
    assert context.files == paths
    seen["files"] = [_described(path, root) for path in paths]
    return seen


def _write_earlier_files(folder: Path, case: Case) -> None:
    """Put files there that earlier cases of the record had written."""
    if case["case"] == "counter goes on":
        (folder / "sub").mkdir(parents=True)
        for number in (1, 2):
            (folder / f"sub/a_{number:05}_.png").touch()


def _described(path: Path, root: Path) -> dict[str, Any]:
    with Pillow.open(path) as picture:
        common = {
            "path": path.relative_to(root).as_posix(),
            "size": list(picture.size),
            "frames": getattr(picture, "n_frames", 1),
        }
        picture.load()
        if path.suffix == ".webp":
            exif = {hex(tag): text for tag, text in picture.getexif().items()}
            return {**common, "duration_ms": picture.info.get("duration", 0), "exif": exif}
        described = {
            **common,
            "mode": picture.mode,
            "pixels": np.asarray(picture).flatten().tolist(),
            "text": {key: text for key, text in picture.info.items() if isinstance(text, str)},
            **_chunks(path.read_bytes()),
        }
        if "duration" in picture.info:
            described["duration_ms"] = picture.info["duration"]
        return described


def _chunks(png: bytes) -> dict[str, Any]:
    types: list[str] = []
    private: list[bytes] = []
    place = 8
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        types.append(png[place + 4 : place + 8].decode())
        if types[-1] == "comf":
            private.append(png[place + 8 : place + 8 + length])
        place += length + 12
    first = {"comf_first": private[0].decode("latin-1")} if private else {}
    return {"chunk_types": types, "comf": [each.split(b"\0")[0].decode() for each in private], **first}


RUNNERS: dict[tuple[str | None, str], Runner] = {
    ("file", "LoadImage"): load,
    ("file", "LoadImageMask"): load,
    ("save", "SaveImage"): save,
    ("save", "PreviewImage"): save,
    ("save", "MaskPreview"): save,
    ("save", "SaveAnimatedPNG"): save,
    ("save", "SaveAnimatedWEBP"): save,
}
