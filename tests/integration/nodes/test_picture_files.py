"""Nodes that read and write picture files: formats, folders, metadata, and each input seen to matter."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from torch import Tensor

from app.files.errors import FileNotAvailable, UnsupportedMedia
from app.files.png_metadata import read_png_text
from app.inference.errors import SizeNotUsable
from app.nodes.declare import NodeResult
from tests.integration.nodes.recorded_nodes.calls import NODES
from tests.unit.nodes.recording_context import RecordingContext

PICTURES = torch.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3).float() / 143
RED = (200, 10, 30)


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    made = RecordingContext(tmp_path)
    made.prompt = {"1": {"class_type": "X", "inputs": {}}}
    return made


def run(context: RecordingContext, class_type: str, **inputs: Any) -> tuple[Any, ...]:
    returned = NODES[class_type].run(context, **inputs)
    assert isinstance(returned, tuple)
    return returned


def shown(context: RecordingContext, class_type: str, **inputs: Any) -> list[Path]:
    """The files that a node wrote."""
    before = len(context.files)
    result = NODES[class_type].run(context, **inputs)
    assert isinstance(result, NodeResult)
    assert [each["filename"] for each in result.ui["images"]] == [
        each.name for each in context.files[before:]
    ]
    return context.files[before:]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tif", "tiff"])
def test_every_format_is_loaded(context: RecordingContext, suffix: str) -> None:
    Pillow.new("RGB", (20, 10), RED).save(context.folders.input / f"a.{suffix}")

    image, mask = run(context, "LoadImage", image=f"a.{suffix}")

    assert image.shape == (1, 10, 20, 3)
    assert (image - torch.tensor(RED) / 255).abs().max() < 8 / 255  # some of the formats lose a little
    assert mask.equal(torch.zeros(1, 64, 64))


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tiff"])
def test_frames_of_an_animation_are_a_batch(context: RecordingContext, suffix: str) -> None:
    frames = [Pillow.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(context.folders.input / f"a.{suffix}", save_all=True, append_images=frames[1:])

    (image, _) = run(context, "LoadImage", image=f"a.{suffix}")

    assert image.mean(dim=(1, 2)).round().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_every_mode_of_a_tiff_is_loaded(context: RecordingContext, mode: str) -> None:
    Pillow.new("L", (5, 4), 255).convert(mode).save(context.folders.input / "a.tiff")

    image, mask = run(context, "LoadImage", image="a.tiff")

    assert image.shape == (1, 4, 5, 3)
    assert mask.shape == ((1, 4, 5) if "A" in mode else (1, 64, 64))


def test_frames_with_and_without_transparency_have_masks_of_one_size(context: RecordingContext) -> None:
    clear = Pillow.new("RGBA", (8, 6), (255, 0, 0, 0))
    Pillow.new("RGB", (8, 6)).save(context.folders.input / "a.tiff", save_all=True, append_images=[clear])

    _, mask = run(context, "LoadImage", image="a.tiff")

    assert mask.equal(torch.stack([torch.zeros(6, 8), torch.ones(6, 8)]))


def test_other_formats_are_refused_by_name(context: RecordingContext) -> None:
    Pillow.new("RGB", (4, 4)).save(context.folders.input / "a.ico")

    with pytest.raises(UnsupportedMedia, match="TIFF"):
        run(context, "LoadImage", image="a.ico")


def test_the_name_decides_which_picture_is_loaded(context: RecordingContext) -> None:
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Pillow.new("RGBA", (4, 4), colour).save(context.folders.input / name)

    for class_type in ("LoadImage", "WebcamCapture"):
        others = {"width": 0, "height": 0, "capture_on_queue": True} if class_type == "WebcamCapture" else {}
        first = run(context, class_type, image="a.png", **others)
        second = run(context, class_type, image="b.png", **others)
        assert not first[0].equal(second[0])
        assert len(first) == len(NODES[class_type].schema.outputs)
    masks = [run(context, "LoadImageMask", image=name, channel="red")[0] for name in ("a.png", "b.png")]
    assert not masks[0].equal(masks[1])
    assert not masks[0].equal(run(context, "LoadImageMask", image="a.png", channel="blue")[0])


def test_load_image_output_reads_the_output_folder_with_and_without_its_name(
    context: RecordingContext,
) -> None:
    Pillow.new("RGB", (4, 4), "red").save(context.folders.output / "a.png")
    Pillow.new("RGB", (4, 4), "blue").save(context.folders.input / "a.png")

    for name in ("a.png", "a.png [output]"):
        assert run(context, "LoadImageOutput", image=name)[0][0, 0, 0].tolist() == [1, 0, 0]
    assert run(context, "LoadImageOutput", image="a.png [input]")[0][0, 0, 0].tolist() == [0, 0, 1]
    with pytest.raises(FileNotAvailable, match="output"):
        run(context, "LoadImageOutput", image="b.png")


def test_a_webcam_frame_comes_from_the_temp_folder(context: RecordingContext) -> None:
    (context.folders.temp / "webcam").mkdir()
    Pillow.new("RGB", (4, 4), "red").save(context.folders.temp / "webcam/1.png")

    (image,) = run(
        context, "WebcamCapture", image="webcam/1.png [temp]", width=0, height=0, capture_on_queue=True
    )

    assert image[0, 0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("class_type", ["LoadImage", "LoadImageOutput", "LoadImageMask", "WebcamCapture"])
def test_a_replaced_file_is_read_again(context: RecordingContext, class_type: str) -> None:
    path = context.folders.input / "a.png"
    fingerprint = NODES[class_type].fingerprint
    assert fingerprint is not None
    seen: list[object] = []
    for colour in ("red", "blue"):
        Pillow.new("RGB", (4, 4), colour).save(path)
        seen += [fingerprint(context, image="a.png [input]"), fingerprint(context, image="a.png [input]")]

    assert seen[0] == seen[1] != seen[2] == seen[3]


def test_each_input_of_the_saving_nodes_matters(context: RecordingContext) -> None:
    for class_type, more, changes in (
        ("SaveImage", {}, {}),
        ("SaveAnimatedPNG", {"fps": 6.0, "compress_level": 0}, {"fps": 3.0, "compress_level": 9}),
        (
            "SaveAnimatedWEBP",
            {"fps": 6.0, "lossless": False, "quality": 80, "method": "default"},
            {"fps": 3.0, "lossless": True, "quality": 1, "method": "slowest"},
        ),
    ):
        noise = torch.rand(2, 64, 64, 3, generator=torch.Generator().manual_seed(0))
        base = {"images": noise, "filename_prefix": "a", **more}
        expected = [each.read_bytes() for each in shown(context, class_type, **base)]
        for name, other in {"images": 1 - noise, **changes}.items():
            actual = [each.read_bytes() for each in shown(context, class_type, **{**base, name: other})]
            assert actual != expected, f"{class_type}.{name}"
        (path, *_) = shown(context, class_type, **{**base, "filename_prefix": "folder/b"})
        assert path.parent == context.folders.output / "folder"


def test_previews_show_what_they_get(context: RecordingContext) -> None:
    for class_type, name, given in (
        ("PreviewImage", "images", PICTURES),
        ("MaskPreview", "mask", PICTURES[..., 0]),
    ):
        first, second = (shown(context, class_type, **{name: each}) for each in (given, 1 - given))
        assert {each.parent for each in first + second} == {context.folders.temp}
        assert _pixels(first[0]) != _pixels(second[0])


@pytest.mark.parametrize("class_type", ["SaveImage", "SaveAnimatedPNG", "SaveAnimatedWEBP"])
def test_metadata_stay_out_where_they_are_switched_off(context: RecordingContext, class_type: str) -> None:
    context.metadata = False
    context.extra_pnginfo = {"workflow": {"secret": 1}}
    defaults = {
        each.name: each.options.get("default", (each.choices or ("",))[0])
        for each in NODES[class_type].schema.inputs
    }

    for path in shown(context, class_type, **{**defaults, "images": PICTURES}):
        assert b"secret" not in path.read_bytes()
        assert b"class_type" not in path.read_bytes()


def test_animated_png_carries_its_workflow_where_our_reader_finds_it(context: RecordingContext) -> None:
    context.extra_pnginfo = {"workflow": {"nodes": ["ü"]}, "€": 1}

    (path,) = shown(
        context, "SaveAnimatedPNG", images=PICTURES, filename_prefix="a", fps=6.0, compress_level=4
    )

    with path.open("rb") as file:
        texts = read_png_text(file)
    assert {name: json.loads(text) for name, text in texts.items()} == {
        "prompt": context.prompt,
        "workflow": {"nodes": ["ü"]},
    }


def test_a_picture_too_large_for_webp_is_refused_with_a_way_out(context: RecordingContext) -> None:
    wide = torch.zeros(1, 1, 16384, 3)

    with pytest.raises(SizeNotUsable, match="PNG"):
        shown(
            context,
            "SaveAnimatedWEBP",
            images=wide,
            filename_prefix="a",
            fps=6.0,
            lossless=True,
            quality=80,
            method="default",
        )

    assert list(context.folders.output.iterdir()) == []


def test_pictures_for_the_socket_are_whole_pngs_without_metadata(context: RecordingContext) -> None:
    result = NODES["SaveImageWebsocket"].run(context, images=PICTURES)

    assert result == NodeResult()
    assert context.steps == [(0, 2), (1, 2)]
    for sent, picture in zip(context.pictures, PICTURES, strict=True):
        with Pillow.open(io.BytesIO(sent)) as opened:
            assert opened.format == "PNG"
            assert not any(isinstance(each, str) for each in opened.info.values())
            assert np.asarray(opened).tolist() == (picture * 255).to(torch.uint8).tolist()
    assert context.files == []


def test_pictures_for_the_socket_are_sent_every_time(context: RecordingContext) -> None:
    fingerprint = NODES["SaveImageWebsocket"].fingerprint
    assert fingerprint is not None
    stamp = fingerprint(context, images=None)
    assert stamp != stamp  # NaN


def test_get_image_size_shows_what_it_gives(context: RecordingContext) -> None:
    assert run(context, "GetImageSize", image=PICTURES) == (6, 4, 2)
    assert context.texts == ["width: 6, height: 4\n batch size: 2"]


def _pixels(path: Path) -> bytes:
    with Pillow.open(path) as opened:
        return opened.tobytes()


def test_empty_image_takes_every_input(context: RecordingContext) -> None:
    base = {"width": 4, "height": 3, "batch_size": 2, "color": 0x102030}
    image = run(context, "EmptyImage", **base)[0]

    assert image.shape == (2, 3, 4, 3)
    assert image[0, 0, 0].mul(255).round().tolist() == [0x10, 0x20, 0x30]
    for name in base:
        other: Tensor = run(context, "EmptyImage", **{**base, name: 7})[0]
        assert other.shape != image.shape or not other.equal(image)
