"""Loads upscale models of the ESRGAN family and Compact ones by their tensors; the upscale nodes call it."""

import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import device as Device

from app.inference.models.building import build
from app.inference.models.detect import wrong_kind
from app.inference.models.errors import FamilyNotSupported, WeightsDoNotFit
from app.inference.models.files.model_file import ModelFile, open_model_file
from app.inference.models.upscalers.compact_network import CompactNetwork, CompactShape
from app.inference.models.upscalers.rrdb_network import RrdbNetwork, RrdbShape
from app.inference.models.upscalers.upscaler import Upscaler

PART = "upscale model"
COLOURS = 3
_LAYER = re.compile(r"body\.(\d+)\.")
_PREFIXES = ("params_ema.", "params.", "module.")  # how training programs wrap weights; averaged ones first
_RENAMED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\."), r"body.\1.rdb\2.conv\3."),
    (re.compile(r"model\.1\.sub\.\d+\.(?=weight|bias)"), "conv_body."),
    (re.compile(r"RRDB_trunk\.(\d+)\.RDB(\d)\.conv(\d)\."), r"body.\1.rdb\2.conv\3."),
    (re.compile(r"trunk_conv\."), "conv_body."),
    (re.compile(r"upconv(\d)\."), r"conv_up\1."),
    (re.compile(r"HRconv\."), "conv_hr."),
)
_OUTER = re.compile(r"model\.(\d+)\.(weight|bias)")
_OTHER_ARCHITECTURES = (  # a part of a tensor's name, and whose it is; the first that is found counts
    ("overlap_attn", "HAT"),
    ("relative_position_index_OCA", "HAT"),
    ("aim.", "ATD"),
    ("attn.attns.", "DAT"),
    ("residual_group.blocks.", "SwinIR"),
    ("layers.0.residual_group", "SwinIR"),
    ("block_1.c1_r.", "SPAN"),
    ("conv_1.eval_conv.", "SPAN"),
    ("feats.0.", "PLKSR"),
    ("residual_layer.0.", "OmniSR"),
    ("m_down1.", "SCUNet"),
    ("to_feat.", "SAFMN"),
    ("f_HR_conv", "SPSR"),
    ("style_conv", "a face restorer"),
    ("quantize.embedding", "a face restorer"),
    ("encoder.conv_in_concat", "an inpainting network"),
)


def load_upscaler(path: Path, device: Device) -> Upscaler:
    """Load an upscale model.

    Raises FamilyNotSupported for other architectures, WrongModelKind for other models, WeightsDoNotFit for
    incomplete files.
    """
    file = open_model_file(path)
    names = _unwrapped(file)
    if "body.0.weight" in names and "body.1.weight" in names:
        return _compact(file, names, device)
    translated = _translated(names)
    if "body.0.rdb1.conv1.weight" in translated and "conv_first.weight" in translated:
        return _rrdb(file, translated, device)
    for part, architecture in _OTHER_ARCHITECTURES:
        if any(part in name for name in names):
            raise FamilyNotSupported(
                path,
                f"seems to be {architecture}, an architecture that cannot be run yet",
                "Choose an upscale model of the ESRGAN family or a Compact one.",
            )
    raise wrong_kind(file, PART)


def _unwrapped(file: ModelFile) -> dict[str, str]:
    """The file's tensor names by what they are without a wrapper's prefix."""
    for prefix in _PREFIXES:
        names = {name.removeprefix(prefix): name for name in file.tensors if name.startswith(prefix)}
        if names:
            return names
    return {name: name for name in file.tensors}


def _translated(names: Mapping[str, str]) -> dict[str, str]:
    """The names of ESRGAN's older layouts as Real-ESRGAN writes them."""
    outer = _outer_layers(names)
    translated: dict[str, str] = {}
    for name, stored in names.items():
        match = _OUTER.fullmatch(name)
        ours = f"{outer[int(match[1])]}.{match[2]}" if match else name
        for pattern, replacement in _RENAMED:
            ours = pattern.sub(replacement, ours)
        translated[ours] = stored
    return translated


def _outer_layers(names: Mapping[str, str]) -> dict[int, str]:
    """What the numbered layers of the oldest layout are: the first, one per doubling, and the last two."""
    numbers = sorted({int(match[1]) for name in names if (match := _OUTER.fullmatch(name))})
    doublings = [f"conv_up{k + 1}" for k in range(len(numbers) - 3)]
    return dict(zip(numbers, ["conv_first", *doublings, "conv_hr", "conv_last"], strict=False))


def _rrdb(file: ModelFile, names: dict[str, str], device: Device) -> Upscaler:
    colours = _dimension(file, names, "conv_last.weight", 0)
    taken = _dimension(file, names, "conv_first.weight", 1)
    shape = RrdbShape(
        width=_dimension(file, names, "conv_first.weight", 0),
        growth=_dimension(file, names, "body.0.rdb1.conv1.weight", 0),
        blocks=_count(names, "body.{}.rdb1.conv1.weight", first=0),
        doublings=_count(names, "conv_up{}.weight", first=1),
        unshuffle=math.isqrt(taken // COLOURS),
    )
    if colours != COLOURS or taken != COLOURS * shape.unshuffle**2 or shape.scale < 1:
        raise _unusual(file, f"takes {taken} channels and gives {colours}")
    weights = build(lambda: RrdbNetwork(shape), file, names, part=PART, device=device, dtype=torch.float32)
    _refuse_further(file, names, weights.network.state_dict())
    return Upscaler(weights=weights)


def _compact(file: ModelFile, names: dict[str, str], device: Device) -> Upscaler:
    last = max(int(match[1]) for name in names if (match := _LAYER.match(name)))
    given = _dimension(file, names, f"body.{last}.weight", 0)
    taken = _dimension(file, names, "body.0.weight", 1)
    scale = math.isqrt(given // COLOURS)
    if taken != COLOURS or given != COLOURS * scale**2 or last % 2:
        raise _unusual(file, f"takes {taken} channels and gives {given}")
    width = _dimension(file, names, "body.0.weight", 0)
    shape = CompactShape(width=width, hidden=last // 2 - 1, scale=scale)
    weights = build(lambda: CompactNetwork(shape), file, names, part=PART, device=device, dtype=torch.float32)
    _refuse_further(file, names, weights.network.state_dict())
    return Upscaler(weights=weights)


def _dimension(file: ModelFile, names: Mapping[str, str], name: str, axis: int) -> int:
    shape = file.tensors[names[name]].shape if name in names else ()
    if axis >= len(shape):
        raise WeightsDoNotFit(file.path, f"lacks {name} of its {PART}", "Choose another file.")
    return shape[axis]


def _count(names: Mapping[str, str], pattern: str, *, first: int) -> int:
    number = first
    while pattern.format(number) in names:
        number += 1
    return number - first


def _refuse_further(file: ModelFile, names: Mapping[str, str], used: Mapping[str, object]) -> None:
    """A tensor that the network has no place for means that it would compute something else."""
    further = sorted(names.keys() - used.keys())
    if further:
        raise _unusual(file, f"has {len(further)} further tensors, such as {names[further[0]]}")


def _unusual(file: ModelFile, what: str) -> FamilyNotSupported:
    return FamilyNotSupported(
        file.path,
        f"seems to be a variant of ESRGAN or Compact that cannot be run yet: it {what}",
        "Choose another upscale model.",
    )
