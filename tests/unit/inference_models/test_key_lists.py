"""Full-size files by their tables of contents: built on the meta device, or refused by what they are.

The lists hold names, shapes and formats of the public files; the files made here are holes of the same size.
"""

import gzip
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import device as Device

from app.inference.models import errors
from app.inference.models.checkpoint import (
    load_checkpoint,
    load_diffusion_model_file,
    load_text_file,
    load_vae_file,
)
from app.inference.models.control.controlnet import UNetControlNet
from app.inference.models.control.gligen import load_gligen
from app.inference.models.control.load_controlnet import load_controlnet
from app.inference.models.files.model_file import ModelFile

KEYS = Path(__file__).parents[2] / "golden/keys"
META = Device("meta")
DTYPES = {"float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2), "int64": ("I64", 8)}
DTYPES |= {"int32": ("I32", 4)}
UNUSED = ("position_ids", "logit_scale")  # in the files, but no weights

CHECKPOINTS = ["sd1", "sd1_inpaint", "sd2_512", "sd2_768v", "sdxl_base", "sdxl_refiner"]
"""Families whose files are loaded whole."""
TEXT_ENCODERS = ["clip_l", "clip_g", "clip_h"]
OTHERS = {
    "cascade_a": "Stable Cascade",
    "cascade_b": "Stable Cascade",
    "cascade_b_lite": "Stable Cascade",
    "cascade_c_1536": "Stable Cascade",
    "cascade_c_2048": "Stable Cascade",
    "cascade_effnet": "Stable Cascade",
    "cascade_previewer": "Stable Cascade",
    "clip_vit_bigg_vision": "image encoder",
    "clip_vit_h_vision": "image encoder",
    "clip_vit_l_vision": "image encoder",
    "controlnet_sd1": "ControlNet",
    "controlnet_sdxl": "ControlNet",
    "controlnet_sdxl_union_promax": "ControlNet",
    "flux_canny_depth": "Flux",
    "flux_dev": "Flux",
    "flux_fill": "Flux",
    "flux_schnell": "Flux",
    "gligen_sd1": "GLIGEN",
    "sd35_large": "Stable Diffusion 3",
    "sd35_medium": "Stable Diffusion 3",
    "sd3_medium": "Stable Diffusion 3",
    "siglip_so400m": "image encoder",
    "t5xxl": "T5",
    "taef1": "TAESD",
    "taesd3": "TAESD",
    "unclip_h": "unCLIP",
    "vae_16ch": "VAE",
}
"""What is said of files of other kinds and families."""


def keys(name: str, *, optional: bool = False) -> list[list[Any]]:
    """[name, shape, dtype] of each tensor in a list."""
    document = json.loads(gzip.decompress((KEYS / f"{name}.json.gz").read_bytes()))
    return document["keys"] + (document.get("optional_keys", []) if optional else [])


def write_hole(path: Path, listed: list[list[Any]]) -> Path:
    """A safetensors file of full size that takes no room: all tensors are zero."""
    header, end = {}, 0
    for name, shape, dtype in listed:
        word, size = DTYPES[dtype]
        start, end = end, end + math.prod(shape) * size
        header[name] = {"dtype": word, "shape": shape, "data_offsets": [start, end]}
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + end)
    return path


class Reading:
    """Remembers which tensors were read from files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: set[str] = set()
        read = ModelFile.read

        def remember(file: ModelFile, names: list[str]) -> Any:
            self.names |= set(names)
            return read(file, names)

        monkeypatch.setattr(ModelFile, "read", remember)


def weights(listed: list[list[Any]]) -> set[str]:
    """The tensors of a list that are weights."""
    return {name for name, _, _ in listed if not name.endswith(UNUSED)}


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    return Reading(monkeypatch)


@pytest.mark.parametrize("optional", [False, True], ids=["", "with optional tensors"])
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_every_tensor_of_a_full_size_checkpoint_has_its_place(
    tmp_path: Path, reading: Reading, name: str, optional: bool
) -> None:
    file = write_hole(tmp_path / "full.safetensors", keys(name, optional=optional))

    checkpoint = load_checkpoint(file, META)

    assert weights(keys(name)) <= reading.names
    assert checkpoint.text_encoder is not None
    assert checkpoint.vae is not None
    unet = checkpoint.diffusion_model.network
    assert set(unet.weights.names) == set(unet.network.state_dict())


@pytest.mark.parametrize(
    ("name", "channels", "context", "label", "picture", "heads", "towers"),
    [
        ("sd1", (320, 640, 1280, 1280), 768, "none", "none", (8, 8, 8, 8), ["clip_l"]),
        ("sd1_inpaint", (320, 640, 1280, 1280), 768, "none", "inpaint", (8, 8, 8, 8), ["clip_l"]),
        ("sd2_512", (320, 640, 1280, 1280), 1024, "none", "none", (5, 10, 20, 20), ["clip_h"]),
        ("sdxl_base", (320, 640, 1280), 2048, "sdxl", "none", (5, 10, 20), ["clip_l", "clip_g"]),
        ("sdxl_refiner", (384, 768, 1536, 1536), 1280, "refiner", "none", (6, 12, 24, 24), ["clip_g"]),
    ],
)
def test_family_and_shape_of_full_size_checkpoints(
    tmp_path: Path,
    name: str,
    channels: tuple[int, ...],
    context: int,
    label: str,
    picture: str,
    heads: tuple[int, ...],
    towers: list[str],
) -> None:
    checkpoint = load_checkpoint(write_hole(tmp_path / "full.safetensors", keys(name)), META)

    model = checkpoint.diffusion_model
    assert tuple(level.channels for level in model.network.shape.levels) == channels
    assert model.network.shape.heads == heads
    assert (model.context_width, model.inputs.label, model.inputs.picture) == (context, label, picture)
    assert checkpoint.text_encoder is not None
    assert [tower.role for tower in checkpoint.text_encoder.towers] == towers


@pytest.mark.parametrize("optional", [False, True], ids=["", "with optional tensors"])
@pytest.mark.parametrize("name", TEXT_ENCODERS)
def test_every_tensor_of_a_full_size_text_encoder_has_its_place(
    tmp_path: Path, reading: Reading, name: str, optional: bool
) -> None:
    encoder = load_text_file(write_hole(tmp_path / "te.safetensors", keys(name, optional=optional)), META)

    assert [tower.role for tower in encoder.towers] == [name]
    assert weights(keys(name)) <= reading.names


def test_every_tensor_of_a_full_size_vae_has_its_place(tmp_path: Path, reading: Reading) -> None:
    load_vae_file(write_hole(tmp_path / "vae.safetensors", keys("vae_sd")), META)

    assert reading.names == weights(keys("vae_sd"))


@pytest.mark.parametrize(
    ("name", "channels", "context", "label", "heads"),
    [
        ("controlnet_sd1", (320, 640, 1280, 1280), 768, None, (8, 8, 8, 8)),
        ("controlnet_sdxl", (320, 640, 1280), 2048, 2816, (5, 10, 20)),
    ],
)
def test_every_tensor_of_a_full_size_controlnet_has_its_place(
    tmp_path: Path,
    reading: Reading,
    name: str,
    channels: tuple[int, ...],
    context: int,
    label: int | None,
    heads: tuple[int, ...],
) -> None:
    net = load_controlnet(write_hole(tmp_path / "net.safetensors", keys(name)), META)

    assert reading.names == weights(keys(name))
    assert isinstance(net, UNetControlNet)
    shape = net.encoder.shape
    assert tuple(level.channels for level in shape.unet.levels) == channels
    assert (shape.context_width, shape.unet.label_width, shape.unet.heads) == (context, label, heads)
    assert shape.hint_widths == (16, 32, 96, 256)


def test_a_union_net_is_refused_by_its_name(tmp_path: Path) -> None:
    file = write_hole(tmp_path / "union.safetensors", keys("controlnet_sdxl_union_promax"))

    with pytest.raises(errors.FamilyNotSupported, match="many types of pictures"):
        load_controlnet(file, META)


def test_every_tensor_of_a_full_size_gligen_model_has_its_place(tmp_path: Path, reading: Reading) -> None:
    model = load_gligen(write_hole(tmp_path / "gligen.safetensors", keys("gligen_sd1")), META)

    assert reading.names == weights(keys("gligen_sd1"))
    assert model.text_width == 768


def test_every_list_is_spoken_of_here() -> None:
    listed = {path.name.removesuffix(".json.gz") for path in KEYS.glob("*.json.gz")}

    assert listed == {*CHECKPOINTS, *TEXT_ENCODERS, *OTHERS, "vae_sd", "taesd", "taesdxl"}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_refused_by_what_they_are(tmp_path: Path, name: str) -> None:
    file = write_hole(tmp_path / "other.safetensors", keys(name))
    loaders = [load_checkpoint, load_diffusion_model_file]
    if name != "unclip_h":  # its VAE and text encoder are those of Stable Diffusion 2
        loaders += [load_vae_file, load_text_file]

    for load in loaders:
        with pytest.raises(errors.ModelFileError) as caught:
            load(file, META)
        assert type(caught.value) in (errors.FamilyNotSupported, errors.WrongModelKind)
        assert OTHERS[name] in str(caught.value)
        assert str(file) in str(caught.value)


@pytest.mark.parametrize(("name", "load"), [("sd1", load_text_file), ("sdxl_base", load_vae_file)])
def test_parts_are_taken_out_of_a_checkpoint(
    tmp_path: Path, reading: Reading, name: str, load: Callable[[Path, Device], object]
) -> None:
    load(write_hole(tmp_path / "full.safetensors", keys(name)), META)

    part = {load_text_file: "cond_stage_model.", load_vae_file: "first_stage_model."}[load]
    assert reading.names == {each for each in weights(keys(name)) if each.startswith(part)}
