"""Upscale models are recognised by names and shapes of their tensors, in every layout; others are named."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch import device as Device

from app.inference.models.errors import FamilyNotSupported, WeightsDoNotFit, WrongModelKind
from app.inference.models.upscalers.compact_network import CompactNetwork, CompactShape
from app.inference.models.upscalers.load_upscaler import load_upscaler
from app.inference.models.upscalers.rrdb_network import RrdbNetwork, RrdbShape

CPU = Device("cpu")
SMALL = RrdbShape(width=8, growth=4, blocks=2, doublings=2)
TILE = torch.rand(1, 3, 5, 6)


def rrdb(shape: RrdbShape = SMALL) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return RrdbNetwork(shape).state_dict()


def old_layout(tensors: dict[str, Tensor], doublings: int) -> dict[str, Tensor]:
    """Names of the first ESRGAN files: layers by number, with layers without weights between them."""
    hr = 2 + 3 * doublings
    outer = {"conv_first": 0, **{f"conv_up{k + 1}": 3 + 3 * k for k in range(doublings)}}
    outer |= {"conv_hr": hr, "conv_last": hr + 2}
    blocks = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("body."))
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        first, rest = name.split(".", 1)
        if first in outer:
            renamed[f"model.{outer[first]}.{rest}"] = tensor
        elif first == "conv_body":
            renamed[f"model.1.sub.{blocks}.{rest}"] = tensor
        else:
            renamed[re.sub(r"(\d+)\.rdb(\d)\.conv(\d)", r"model.1.sub.\1.RDB\2.conv\3.0", rest)] = tensor
    return renamed


def second_layout(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of ESRGAN's second code."""
    words = {"conv_body": "trunk_conv", "conv_hr": "HRconv", "conv_up": "upconv", "body.": "RRDB_trunk."}
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        for ours, theirs in words.items():
            name = name.replace(ours, theirs) if name.startswith(ours) else name
        renamed[name.replace(".rdb", ".RDB")] = tensor
    return renamed


@torch.no_grad()
def enlarged(path: Path, tensors: dict[str, Tensor], tile: Tensor = TILE) -> Tensor:
    save_file(tensors, path)
    upscaler = load_upscaler(path, CPU)
    with upscaler.at_work():
        return upscaler(tile)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "upscaler.safetensors"


@pytest.mark.parametrize("doublings", [0, 1, 2, 3])
def test_layouts_of_esrgan_mean_the_same_at_every_scale(path: Path, doublings: int) -> None:
    tensors = rrdb(RrdbShape(width=8, growth=4, blocks=2, doublings=doublings))
    wanted = enlarged(path, tensors)

    results = [
        enlarged(path, each)
        for each in (
            old_layout(tensors, doublings),
            second_layout(tensors),
            {f"params_ema.{name}": each for name, each in tensors.items()},
            {f"module.{name}": each for name, each in tensors.items()},
        )
    ]

    assert wanted.shape == (1, 3, 5 * 2**doublings, 6 * 2**doublings)
    assert all(torch.equal(result, wanted) for result in results)


def test_averaged_weights_go_before_the_others(path: Path) -> None:
    tensors = rrdb()
    wanted = enlarged(path, tensors)
    both = {f"params_ema.{name}": each for name, each in tensors.items()}
    both |= {f"params.{name}": torch.zeros_like(each) for name, each in tensors.items()}

    assert torch.equal(enlarged(path, both), wanted)


@pytest.mark.parametrize(("unshuffle", "scale"), [(1, 4), (2, 2), (4, 1)])
def test_channels_of_the_first_layer_tell_how_many_pixels_go_into_one(
    path: Path, unshuffle: int, scale: int
) -> None:
    tensors = rrdb(RrdbShape(width=8, growth=4, blocks=1, doublings=2, unshuffle=unshuffle))

    assert enlarged(path, tensors).shape == (1, 3, 5 * scale, 6 * scale)
    assert enlarged(path, tensors, torch.rand(1, 3, 1, 9)).shape == (1, 3, scale, 9 * scale)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_compact_models_have_the_scale_that_their_last_layer_tells(path: Path, scale: int) -> None:
    network = CompactNetwork(CompactShape(width=8, hidden=3, scale=scale))

    result = enlarged(path, network.state_dict())

    assert result.shape == (1, 3, 5 * scale, 6 * scale)
    torch.testing.assert_close(result, network(TILE).detach().clamp(0, 1))


def test_half_precision_files_compute_in_full_precision(path: Path) -> None:
    tensors = {name: each.half() for name, each in rrdb().items()}

    assert enlarged(path, tensors).dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("layers.0.residual_group.blocks.0.norm1.weight", "SwinIR"),
        ("layers.0.residual_group.overlap_attn.norm1.weight", "HAT"),
        ("layers.0.blocks.0.attn.attns.0.pos.pos_proj.weight", "DAT"),
        ("block_1.c1_r.sk.weight", "SPAN"),
        ("feats.0.weight", "PLKSR"),
        ("style_convs.0.weight", "a face restorer"),
    ],
)
def test_other_architectures_are_named(path: Path, name: str, architecture: str) -> None:
    save_file({name: torch.zeros(2, 2), "conv_first.weight": torch.zeros(8, 3, 3, 3)}, path)

    with pytest.raises(FamilyNotSupported, match=f"seems to be {architecture}, an architecture"):
        load_upscaler(path, CPU)


def test_variants_with_further_tensors_or_colours_are_refused(path: Path) -> None:
    tensors = rrdb()
    save_file({**tensors, "body.0.rdb1.conv1x1.weight": torch.zeros(4, 8, 1, 1)}, path)
    with pytest.raises(FamilyNotSupported, match=r"1 further tensors, such as body.0.rdb1.conv1x1.weight"):
        load_upscaler(path, CPU)

    save_file({**tensors, "conv_first.weight": torch.zeros(8, 1, 3, 3)}, path)
    with pytest.raises(FamilyNotSupported, match="takes 1 channels and gives 3"):
        load_upscaler(path, CPU)

    compact = CompactNetwork(CompactShape(width=8, hidden=1, scale=2)).state_dict()
    save_file({**compact, "body.4.weight": torch.zeros(13, 8, 3, 3), "body.4.bias": torch.zeros(13)}, path)
    with pytest.raises(FamilyNotSupported, match="takes 3 channels and gives 13"):
        load_upscaler(path, CPU)


def test_incomplete_and_foreign_files_are_refused(path: Path) -> None:
    tensors = rrdb()
    save_file({name: each for name, each in tensors.items() if not name.startswith("conv_hr")}, path)
    with pytest.raises(WeightsDoNotFit, match="lacks 2 tensors of its upscale model"):
        load_upscaler(path, CPU)

    save_file({"unrelated": torch.zeros(2)}, path)
    with pytest.raises(WrongModelKind, match="is no upscale model"):
        load_upscaler(path, CPU)
