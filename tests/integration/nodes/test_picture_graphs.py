"""Every picture, mask and text node in a prompt POSTed to a real server; a client listens on its socket."""

import io
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from torch import Tensor
from websockets.sync.client import connect

from app.files.folders import data_folders
from app.inference.pictures.images import to_uint8
from app.nodes import (
    image_animation,
    image_batch,
    image_composite,
    image_files,
    image_filters,
    image_size,
    image_transform,
    mask,
    mask_shapes,
    primitives,
    strings,
)
from app.nodes.declare import NodeResult
from tests.integration.nodes.recorded_nodes.calls import NODES
from tests.serving import Server, serving
from tests.unit.nodes.recording_context import RecordingContext

MODULES = (
    image_animation,
    image_batch,
    image_composite,
    image_files,
    image_filters,
    image_size,
    image_transform,
    mask,
    mask_shapes,
    primitives,
    strings,
)
CLASSES = {node.schema.class_type for module in MODULES for node in module.NODES}
SINKS = {"IMAGE": ("PreviewImage", "images"), "MASK": ("MaskPreview", "mask")}
LIMIT_S = 180


@dataclass
class Graph:
    """A prompt that grows; every output of a node it gets is shown by a node of the kind that shows it."""

    prompt: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, list[Any]] = field(default_factory=dict)
    """Which output, as a link, each showing node shows."""

    def add(self, class_type: str, **inputs: Any) -> list[Any]:
        """Add a node, with sinks for its outputs; returns a link to the first of them."""
        node_id = self._node(class_type, inputs)
        for slot, declared in enumerate(NODES[class_type].schema.outputs):
            sink, name = SINKS.get(declared.type, ("PreviewAny", "source"))
            self.shown[self._node(sink, {name: [node_id, slot]})] = [node_id, slot]
        return [node_id, 0]

    def _node(self, class_type: str, inputs: dict[str, Any]) -> str:
        node_id = str(len(self.prompt) + 1)
        defaults = {
            each.name: each.options.get("default", (each.choices or (None,))[0])
            for each in NODES[class_type].schema.inputs
            if each.choices or "default" in each.options
        }
        self.prompt[node_id] = {"class_type": class_type, "inputs": {**defaults, **inputs}}
        return node_id


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("graphs")) as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="module")
def graph(server: Server) -> Graph:
    """A graph with every class of these nodes."""
    pictures = {
        "tiff": upload(server, "rgba.tiff", "input"),
        "frame": upload(server, "frame.png", "temp", subfolder="webcam"),
    }
    picture(4).save(server.base / "output" / "earlier.png")
    made = Graph()
    add = made.add
    loaded = add("LoadImage", image=pictures["tiff"])
    transparent = [loaded[0], 1]
    plain = add("EmptyImage", width=24, height=16, batch_size=1, color=0x3366AA)
    add("LoadImageOutput", image="earlier.png [output]")
    add("LoadImageMask", image=pictures["tiff"], channel="green")
    add("WebcamCapture", image=pictures["frame"])
    add_filters(add, loaded)
    add_sizes(add, loaded)
    add_composites(add, loaded, plain, transparent)
    add_masks(add, loaded, transparent)
    add_batches(add, loaded, plain)
    add_values(add)
    batch = add("RepeatImageBatch", image=add("ImageScale", image=loaded, width=12, height=8), amount=5)
    for class_type in ("SaveImage", "SaveAnimatedPNG", "SaveAnimatedWEBP", "SaveImageWebsocket"):
        add(class_type, images=batch)
    return made


def add_filters(add: Any, image: list[Any]) -> None:
    add("ImageInvert", image=image)
    add("ImageAddNoise", image=image, seed=3, strength=0.2)
    add("ImageBlur", image=image, blur_radius=3)
    add("ImageSharpen", image=image, sharpen_radius=2)
    add("ImageQuantize", image=image, colors=7, dither="bayer-4")
    add("Canny", image=image, low_threshold=0.1, high_threshold=0.3)
    add("Morphology", image=image, operation="gradient")
    yuv = add("ImageRGBToYUV", image=image)
    add("ImageYUVToRGB", Y=yuv, U=[yuv[0], 1], V=[yuv[0], 2])


def add_sizes(add: Any, image: list[Any]) -> None:
    add("GetImageSize", image=image)
    add("ImageScaleBy", image=image, scale_by=1.5, upscale_method="bicubic")
    add("ImageScaleToTotalPixels", image=image, megapixels=0.01)
    add("ImageScaleToMaxDimension", image=image, largest_size=40)
    add("FluxKontextImageScale", image=image)
    add("ResizeAndPadImage", image=image, target_width=50, target_height=70)
    add("ImageCrop", image=image, width=9, height=7, x=3, y=2)
    add("ImageFlip", image=image)
    add("ImageRotate", image=image, rotation="90 degrees")
    add("ImagePadForOutpaint", image=image, left=8, bottom=16, feathering=5)


def add_composites(add: Any, image: list[Any], other: list[Any], transparent: list[Any]) -> None:
    add("ImageStitch", image1=image, image2=other, spacing_width=4, spacing_color="red")
    add("ImageCompositeMasked", destination=image, source=other, x=5, y=3, mask=transparent)
    add("ImageBlend", image1=image, image2=other, blend_mode="soft_light")
    opaque = add("SolidMask", value=0.25, width=24, height=16)
    add(
        "PorterDuffImageComposite",
        source=other,
        source_alpha=opaque,
        destination=image,
        destination_alpha=transparent,
        mode="SRC_OVER",
    )
    add("SplitImageWithAlpha", image=add("JoinImageWithAlpha", image=image, alpha=transparent))


def add_masks(add: Any, image: list[Any], given: list[Any]) -> None:
    add("MaskToImage", mask=given)
    add("ImageToMask", image=image, channel="blue")
    add("ImageColorToMask", image=image, color=0)
    add("InvertMask", mask=given)
    add("ThresholdMask", mask=given, value=0.4)
    add("CropMask", mask=given, x=2, y=3, width=10, height=11)
    add("FeatherMask", mask=given, left=4, bottom=3)
    add("GrowMask", mask=given, expand=2)
    small = add("SolidMask", value=0.5, width=6, height=6)
    add("MaskComposite", destination=given, source=small, x=1, y=2, operation="subtract")


def add_batches(add: Any, image: list[Any], other: list[Any]) -> None:
    both = add("ImageBatch", image1=image, image2=other)
    add("ImageFromBatch", image=both, batch_index=1)
    add("RebatchImages", images=both, batch_size=1)


def add_values(add: Any) -> None:
    text = add("PrimitiveString", value=" Cat 12, dog 7 ")
    add("PrimitiveStringMultiline", value="a\nb")
    add("PrimitiveInt", value=5)
    add("PrimitiveFloat", value=0.5)
    add("PrimitiveBoolean", value=True)
    add("StringConcatenate", string_a=text, string_b="x", delimiter="-")
    add("StringReplace", string=text, find="dog", replace="bird")
    add("StringTrim", string=text)
    add("CaseConverter", string=text)
    add("RegexExtract", string=text, regex_pattern=r"(\w+) (\d+)", mode="All Groups", group_index=2)


@pytest.fixture(scope="module")
def run(server: Server, graph: Graph) -> tuple[dict[str, Any], list[Any]]:
    """The prompt's record in the history, and what a client heard meanwhile."""
    url = f"ws://127.0.0.1:{server.port}/ws?clientId=me"
    with connect(url, proxy=None, max_size=None) as socket:
        prompt_id = server.submit(graph.prompt, client_id="me")
        frames = list(_frames(socket))
    return server.wait_ended(prompt_id), frames


def test_every_class_is_in_the_graph(graph: Graph) -> None:
    assert {node["class_type"] for node in graph.prompt.values()} == CLASSES


def test_every_node_runs(graph: Graph, run: tuple[dict[str, Any], list[Any]]) -> None:
    record, frames = run
    assert record["status"]["status_str"] == "success", record["status"]["messages"]
    texts = [json.loads(frame) for frame in frames if isinstance(frame, str)]
    executed = {each["data"]["node"] for each in texts if each["type"] == "executing"} - {None}
    assert executed == set(graph.prompt)


def test_what_is_shown_is_what_the_nodes_compute(
    server: Server, graph: Graph, run: tuple[dict[str, Any], list[Any]], tmp_path: Path
) -> None:
    record, _ = run
    context = RecordingContext(tmp_path)
    context.folders = data_folders(server.base)
    results = _computed_here(graph, context)
    for sink, (node_id, slot) in graph.shown.items():
        expected, ui = results[node_id][slot], record["outputs"][sink]
        if isinstance(expected, Tensor):
            assert [_fetched(server, each) for each in ui["images"]] == _as_pixels(expected), node_id
        elif not isinstance(expected, list):  # what comes in lists is counted below
            assert ui == {"text": [str(expected)]}, node_id


def test_lists_of_batches_go_on_one_by_one(graph: Graph, run: tuple[dict[str, Any], list[Any]]) -> None:
    (rebatch,) = (key for key, node in graph.prompt.items() if node["class_type"] == "RebatchImages")
    (sink,) = (key for key, link in graph.shown.items() if link == [rebatch, 0])
    assert len(run[0]["outputs"][sink]["images"]) == 2


def test_saved_files_carry_the_prompt(
    server: Server, graph: Graph, run: tuple[dict[str, Any], list[Any]]
) -> None:
    saved = {
        graph.prompt[key]["class_type"]: [server.base / "output" / each["filename"] for each in ui["images"]]
        for key, ui in run[0]["outputs"].items()
        if graph.prompt[key]["class_type"].startswith("Save")
    }
    assert {name: len(files) for name, files in saved.items()} == {
        "SaveImage": 5,
        "SaveAnimatedPNG": 1,
        "SaveAnimatedWEBP": 1,
    }
    with Pillow.open(saved["SaveImage"][0]) as opened:
        assert json.loads(str(opened.info["prompt"])) == graph.prompt
    for name, model_tag in (("SaveAnimatedWEBP", 0x0110), ("SaveAnimatedPNG", None)):
        with Pillow.open(saved[name][0]) as opened:
            assert getattr(opened, "n_frames", 1) in (1, 5)  # equal frames may become one
            if model_tag is not None:
                assert json.loads(opened.getexif()[model_tag].removeprefix("prompt:")) == graph.prompt


def test_the_client_gets_every_picture_and_the_size(
    graph: Graph, run: tuple[dict[str, Any], list[Any]]
) -> None:
    binary = [frame for frame in run[1] if isinstance(frame, bytes)]
    pngs = [frame[8:] for frame in binary if frame[:8] == struct.pack(">II", 1, 2)]
    assert len(pngs) == 5
    for png in pngs:
        with Pillow.open(io.BytesIO(png)) as opened:
            assert opened.size == (12, 8)
    (size,) = (key for key, node in graph.prompt.items() if node["class_type"] == "GetImageSize")
    head = struct.pack(">II", 3, len(size)) + size.encode()
    assert [frame for frame in binary if frame.startswith(head)] == [
        head + b"width: 32, height: 24\n batch size: 1"
    ]


def test_what_was_shown_is_taken_from_the_cache_the_next_time_and_sent_again(
    server: Server, graph: Graph, run: tuple[dict[str, Any], list[Any]]
) -> None:
    url = f"ws://127.0.0.1:{server.port}/ws?clientId=me"
    with connect(url, proxy=None, max_size=None) as socket:
        server.submit(graph.prompt, client_id="me")
        frames = list(_frames(socket))
    texts = [json.loads(frame) for frame in frames if isinstance(frame, str)]
    executed = {each["data"]["node"] for each in texts if each["type"] == "executing"} - {None}
    assert {graph.prompt[key]["class_type"] for key in executed} == {"SaveImageWebsocket"}
    assert sum(isinstance(frame, bytes) for frame in frames) == 5


def test_the_menu_of_outputs_is_offered(server: Server, graph: Graph) -> None:
    info = server.client.get("/object_info/LoadImageOutput").json()["LoadImageOutput"]
    kind, options = info["input"]["required"]["image"]
    assert kind == "COMBO"
    assert options["remote"]["route"] == "/internal/files/output"
    assert "earlier.png [output]" in options["options"]
    assert "earlier.png" in server.client.get("/internal/files/output").json()


def test_an_uploaded_tiff_can_be_shown_in_a_page(server: Server) -> None:
    name = upload(server, "shown.tiff", "input").removesuffix(" [input]")
    answer = server.client.get("/view", params={"filename": name, "type": "input", "preview": "webp;90"})
    assert answer.headers["content-type"] == "image/webp"
    with Pillow.open(io.BytesIO(answer.content)) as opened:
        assert (opened.format, opened.size) == ("WEBP", (32, 24))


def picture(seed: int) -> Pillow.Image:
    """A picture of 32x24 with soft shapes and a transparent corner."""
    y, x = np.mgrid[:24, :32]
    channels = [128 + 120 * np.sin((x * (1 + k) + y * seed) / 9) for k in range(3)]
    alpha = np.clip(x * 16 + y * 4, 0, 255)
    return Pillow.fromarray(np.dstack([*channels, alpha]).astype(np.uint8))


def upload(server: Server, name: str, folder_type: str, subfolder: str = "") -> str:
    """Upload a picture as the page does; returns how a node names it."""
    buffer = io.BytesIO()
    picture(len(name)).save(buffer, Path(name).suffix.lstrip(".").upper())
    answer = server.client.post(
        "/upload/image",
        files={"image": (name, buffer.getvalue())},
        data={"type": folder_type, "subfolder": subfolder},
    )
    assert answer.status_code == 200, answer.text
    stored = answer.json()
    path = f"{stored['subfolder']}/{stored['name']}".lstrip("/")
    return f"{path} [{stored['type']}]"


def _frames(socket: Any) -> Iterator[str | bytes]:
    """All frames until the prompt is over."""
    while True:
        frame = socket.recv(timeout=LIMIT_S)
        yield frame
        if isinstance(frame, str):
            message = json.loads(frame)
            if message["type"] == "executing" and message["data"]["node"] is None:
                return


def _computed_here(graph: Graph, context: RecordingContext) -> dict[str, tuple[Any, ...]]:
    """The outputs of every node that has some, computed in this process."""
    results: dict[str, tuple[Any, ...]] = {}
    with torch.inference_mode():
        for node_id, node in graph.prompt.items():
            if node_id in graph.shown or node["class_type"].startswith("Save"):
                continue
            takes_lists = NODES[node["class_type"]].schema.input_is_list
            inputs: dict[str, Any] = {}
            for name, given in node["inputs"].items():
                found = results[given[0]][given[1]] if isinstance(given, list) else given
                inputs[name] = [found] if takes_lists else found
            returned = NODES[node["class_type"]].run(context, **inputs)
            results[node_id] = returned.outputs if isinstance(returned, NodeResult) else returned
    return results


def _as_pixels(shown: Tensor) -> list[Any]:
    if shown.dim() == 3:
        shown = shown.unsqueeze(-1).repeat(1, 1, 1, 3)
    return [to_uint8(each).tolist() for each in shown]


def _fetched(server: Server, shown: dict[str, str]) -> list[Any]:
    answer = server.client.get("/view", params=shown)
    with Pillow.open(io.BytesIO(answer.content)) as opened:
        pixels: list[Any] = np.asarray(opened).tolist()
        return pixels
