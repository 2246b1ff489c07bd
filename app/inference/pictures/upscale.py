"""Enlarges pictures with a network, tile by tile; the node that upscales with a model calls it."""

import logging
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor
from torch import device as Device

from app.inference.errors import ChannelsDoNotFit
from app.inference.memory.devices import spare_memory_bytes
from app.inference.memory.model_store import ran_out_of_memory
from app.inference.pictures.images import Image
from app.inference.tiling import OnTile, Tiling, run_tiled

logger = logging.getLogger(__name__)

TILE = 512  # pixels
OVERLAP = 32
SMALLEST_TILE = 128


class Enlarger(Protocol):
    """A network that enlarges; see `Upscaler`."""

    @property
    def scale(self) -> int:
        """How many times larger the picture becomes along each side."""
        ...

    @property
    def device(self) -> Device:
        """Where it computes."""
        ...

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that it takes at its peak, per pixel of the tile."""
        ...

    def at_work(self) -> AbstractContextManager[None]:
        """Inside this block it can be called."""
        ...

    def make_room(self) -> None:
        """Free what can be freed of the device's memory."""
        ...

    def __call__(self, tile: Tensor) -> Tensor:
        """The tile [1, 3, h, w] in 0..1, `scale` times as large."""
        ...


@torch.no_grad()
def upscaled(model: Enlarger, image: Image, on_tile: OnTile | None = None) -> Image:
    """Pictures [B, scale * H, scale * W, 3] in 0..1, on the CPU.

    Tiles of 512 pixels that share 32; half as large, down to 128, when memory runs out. Raises
    ChannelsDoNotFit for pictures that are not RGB, and what the network raises when nothing helps.
    """
    if image.shape[-1] != 3:
        raise ChannelsDoNotFit(
            f"The picture has {image.shape[-1]} channels and upscale models take 3: "
            "take the transparency off with Split Image with Alpha first."
        )
    pixels = image.movedim(-1, 1)
    with model.at_work():
        tile = _fitting_tile(model)
        while True:
            enlarged = _tried(model, pixels, tile, on_tile)
            if enlarged is not None:
                return enlarged.clamp_(0, 1).movedim(1, -1)
            model.make_room()
            tile //= 2
            logger.warning("Memory is too short: tiles of %d pixels are tried.", tile)


def _fitting_tile(model: Enlarger) -> int:
    """The largest tile that may be asked for: the CPU's system would end the process instead of refusing."""
    tile = TILE
    while (
        model.device.type == "cpu"
        and tile > SMALLEST_TILE
        and tile * tile * model.bytes_per_pixel > spare_memory_bytes(model.device)
    ):
        tile //= 2
    return tile


def _tried(model: Enlarger, pixels: Tensor, tile: int, on_tile: OnTile | None) -> Tensor | None:
    """The enlarged pictures; None when memory ran out and smaller tiles are left to try."""
    tilings = (Tiling(height=tile, width=tile, overlap=OVERLAP),)
    try:
        return run_tiled(model, pixels, tilings, scale=model.scale, on_tile=on_tile)
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error) or tile <= SMALLEST_TILE:
            raise
    return None
