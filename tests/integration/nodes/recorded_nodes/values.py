"""Builds the inputs that a recorded case describes by formula."""

from typing import Any

import torch
from torch import Tensor

from app.inference.conditioning.area import Area, AreaShare
from app.inference.conditioning.control import AppliedControl
from app.inference.conditioning.entry import CondEntry, PictureSize
from app.inference.latents.batch import LatentBatch
from tests.integration.nodes.recorded_nodes.stubs import StubControlNet, stub_model, stub_vae

FIELDS = {  # keys of a recorded entry's side data -> fields of CondEntry
    "pooled_output": "pooled",
    "strength": "strength",
    "mask": "mask",
    "mask_strength": "mask_strength",
    "set_area_to_bounds": "mask_bounds",
    "start_percent": "start_percent",
    "end_percent": "end_percent",
    "default": "is_default",
    "aesthetic_score": "aesthetic_score",
    "control": "control",
    "control_apply_to_uncond": "control_reaches_negative",
    "cross_attn_controlnet": "control_tokens",
    "pooled_output_controlnet": "control_pooled",
    "gligen": "grounded_texts",
    "concat_latent_image": "concat_latent",
    "concat_mask": "concat_mask",
}
SIZES = ("width", "height", "crop_w", "crop_h", "target_width", "target_height")
FILLER = "a"  # a key without meaning that shows that unknown keys are kept; entries here have fields instead


def value(described: Any) -> Any:
    """An input as the file describes it; plain values stand for themselves."""
    match described:
        case {"$": "image", "shape": shape, **rest}:
            b, y, x, c = _axes(shape)
            return ((7 * b + 3 * y + 5 * x + 11 * c + rest.get("k", 0)) % 17).float() / 16
        case {"$": "mask", "shape": shape, **rest}:
            return _mask(shape, rest.get("k", 0))
        case {"$": "latent", "shape": shape, **rest}:
            return _latent(shape, rest.get("k", 0))
        case {"$": "tokens", "shape": shape, **rest}:
            _, t, c = _axes(shape)
            return ((3 * t + 5 * c + rest.get("k", 0)) % 13 - 6).float() / 4
        case {"$": "pooled", "shape": shape, **rest}:
            b, c = _axes(shape)
            return ((b + 5 * c + rest.get("k", 0)) % 11 - 5).float() / 4
        case {"$": "literal", "shape": shape, "data": data}:
            return torch.tensor(data, dtype=torch.float32).reshape(shape)
        case {"$": "sigmas", "data": data}:
            return torch.tensor(data, dtype=torch.float32)
        case {"$": "LATENT", **parts}:
            return _latent_batch(parts)
        case {"$": "CONDITIONING", "entries": entries}:
            return tuple(entry(each["cond"], each["meta"]) for each in entries)
        case {"$": "MODEL", "sampling": sampling}:
            return stub_model(sampling)
        case {"$": "VAE", **rest}:
            return stub_vae(rest.get("ratio", 8))
        case {"$": "CONTROL_NET", **rest}:
            return StubControlNet(takes_mask=rest.get("concat_mask", False))
        case {"$": "control", **parts}:
            return _control(parts)
        case {"$": kind}:
            raise AssertionError(f"recorded inputs of kind {kind} cannot be built yet")
        case [int() | float() | str() as factor, {"$": _} as tensor]:
            return _factor(factor) * value(tensor)
        case list():
            return [value(each) for each in described]
        case _:
            return described


def entry(cond: Any, meta: dict[str, Any]) -> CondEntry:
    """One recorded entry of a CONDITIONING as ours; a key without a field is an error."""
    changes: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    for key, described in meta.items():
        if key == "area":
            changes["area"] = area(described)
        elif key in SIZES:
            sizes[key] = described
        elif key != FILLER:
            changes[FIELDS[key]] = value(described)
    if sizes:
        changes["size"] = PictureSize(**sizes)
    return CondEntry(tokens=value(cond), **changes)


def area(described: list[Any]) -> Area | AreaShare:
    """(height, width, y, x) in cells, or the same in shares after the word percentage."""
    if described[0] == "percentage":
        height, width, y, x = described[1:]
        return AreaShare(height=height, width=width, y=y, x=x)
    height, width, y, x = described
    return Area(height=height, width=width, y=y, x=x)


def _control(parts: dict[str, Any]) -> AppliedControl:
    """A recorded link of a chain of control nets."""
    assert (parts["extra"], parts["previous"]) == ({}, None)
    start, end = parts["range"]
    return AppliedControl(
        net=StubControlNet(),
        picture=value(parts["hint"]).movedim(1, -1),
        strength=parts["strength"],
        start_percent=start,
        end_percent=end,
        mask=value(parts["extra_concat"][0]) if parts["extra_concat"] else None,
        vae=stub_vae(8) if parts["vae"] else None,
    )


def _factor(described: float | str) -> float:
    if not isinstance(described, str):
        return described
    over, _, under = described.partition("/")
    return int(over) / int(under)


def _latent_batch(parts: dict[str, Any]) -> LatentBatch:
    built = {name: value(part) for name, part in parts.items()}
    if "batch_index" in built:
        built["batch_index"] = tuple(built["batch_index"])
    return LatentBatch(**built)


def _axes(shape: list[int]) -> tuple[Tensor, ...]:
    return torch.meshgrid(*(torch.arange(size) for size in shape), indexing="ij")


def _mask(shape: list[int], k: int) -> Tensor:
    axes = _axes(shape)
    y, x = axes[-2], axes[-1]
    batch = axes[0] if len(shape) > 2 else 0
    return ((5 * batch + 3 * y + 2 * x + k) % 9).float() / 8


def _latent(shape: list[int], k: int) -> Tensor:
    b, c, *frame, y, x = _axes(shape)
    t = frame[0] if frame else 0
    return ((7 * b + 5 * c + t + 3 * y + 2 * x + k) % 19 - 9).float() / 6
