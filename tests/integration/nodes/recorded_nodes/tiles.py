"""Runs the recorded cases of nodes that work in tiles, around networks by formula."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch import device as Device
from torch.nn.functional import interpolate

from app.inference.memory.devices import CPU
from app.inference.models.vae.vae import Vae
from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.stubs import FormulaCodec
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

CELL = 8
TIMES = {"temporal_size": 64, "temporal_overlap": 8}  # for films, which these codecs do not know
FILM_TILES = {"VAEDecodeTiled": (None, None), "VAEEncodeTiled": (64, 8)}  # recorded, but nobody asks for them


@dataclass
class _NotingVae:
    """A VAE that only notes how it would be asked to cut."""

    ratio: int = CELL
    seen: dict[str, Any] = field(default_factory=dict[str, Any])

    def decode_tiled(self, latent: Tensor, *, tile: int, overlap: int, on_tile: object) -> Tensor:
        self.seen |= {"tile_x": tile, "tile_y": tile, "overlap": overlap}
        return torch.zeros(1, 8, 8, 3)

    def encode_tiled(self, image: Tensor, *, tile: int, overlap: int, on_tile: object) -> Tensor:
        self.seen |= {"tile_x": tile, "tile_y": tile, "overlap": overlap, "shape": list(image.shape)}
        return torch.zeros(1, 4, 1, 1)


def arguments(case: Case, context: RecordingContext) -> Seen:
    """What the node asks of the VAE."""
    vae = _NotingVae()
    given = case["in"]
    source = {"pixels": value(given["pixels"])} if "pixels" in given else {"samples": _SOME_LATENT}
    sizes = {name: given[name] for name in ("tile_size", "overlap")}
    call(context, case["node"], {**source, **sizes, **TIMES, "vae": vae})
    vae.seen |= dict(zip(("tile_t", "overlap_t"), FILM_TILES[case["node"]], strict=True))
    return {"out": [vae.seen]}


def coded(case: Case, context: RecordingContext) -> Seen:
    """Three tilings around a codec whose results tell tiles apart; sizes of latents are given in cells."""
    given, decodes = case["in"], case["node"] == "VAEDecodeTiled"
    unit = CELL if decodes else 1
    inputs = {
        "vae": Vae(codec=FormulaCodec(shifted=True)),
        "tile_size": given["tile"] * unit,
        "overlap": given["overlap"] * unit,
        **TIMES,
    }
    if decodes:
        return call(context, case["node"], {**inputs, "samples": _latent(given["samples"])})
    seen = call(context, case["node"], {**inputs, "pixels": value(given["pixels"])})
    return {"out": [batch.samples for batch in seen["out"]]}


@dataclass(frozen=True)
class _StubUpscaler:
    """Twice as large, nearest, plus what the tile holds on average, minus a half."""

    scale: int = 2
    device: Device = CPU
    bytes_per_pixel: int = 0

    def at_work(self) -> AbstractContextManager[None]:
        return nullcontext()

    def make_room(self) -> None:
        pass

    def __call__(self, tile: Tensor) -> Tensor:
        return interpolate(tile, scale_factor=2) + tile.mean() - 0.5


def upscaled(case: Case, context: RecordingContext) -> Seen:
    """Tiles around a network whose results tell tiles apart."""
    inputs = {"upscale_model": _StubUpscaler(), "image": value(case["in"]["image"])}
    return call(context, case["node"], inputs)


def _latent(described: dict[str, Any]) -> Any:
    return value({"$": "LATENT", "samples": described})


_SOME_LATENT = _latent({"$": "latent", "shape": [1, 4, 1, 1]})

RUNNERS: dict[tuple[str | None, str], Runner] = {
    ("tile_args", "VAEDecodeTiled"): arguments,
    ("tile_args", "VAEEncodeTiled"): arguments,
    ("upscale_model", "ImageUpscaleWithModel"): upscaled,
    ("tiled_vae", "VAEDecodeTiled"): coded,
    ("tiled_vae", "VAEEncodeTiled"): coded,
}
