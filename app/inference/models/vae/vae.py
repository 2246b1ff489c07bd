"""The value of a VAE socket: pictures to stored latents and back, whole or in tiles; VAE nodes call it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.inference.errors import ChannelsDoNotFit, SizeNotUsable
from app.inference.memory.devices import spare_memory_bytes
from app.inference.memory.model_store import ran_out_of_memory
from app.inference.models.vae.codec import Codec
from app.inference.pictures.images import Image
from app.inference.tiling import OnPicture, OnTile, Tiling, run_tiled, three_tilings
from app.inference.types import Latent

logger = logging.getLogger(__name__)

# Tiles when a whole picture does not fit into memory; one takes about a GB in Stable Diffusion.
DECODED_TILE, DECODED_OVERLAP = 64, 16  # cells
ENCODED_TILE, ENCODED_OVERLAP = 512, 64  # pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class Vae:
    """Turns pictures into stored latents and back, one picture at a time."""

    codec: Codec

    @property
    def ratio(self) -> int:
        """Pixels per latent cell along one side; 8 in Stable Diffusion 1."""
        return self.codec.ratio

    @torch.no_grad()
    def encode(self, image: Image) -> Latent:
        """Stored latent float32 [B, C, H/8, W/8] of the pictures' first three channels, on the CPU.

        Sides are cropped around the centre to multiples of `ratio`. Pictures that do not fit into memory are
        encoded in tiles. Raises SizeNotUsable when a side is shorter than `ratio`.
        """
        pixels = self._pixels(image)
        return self._whole_or_tiled(
            self.codec.encode,
            pixels,
            three_tilings(ENCODED_TILE, ENCODED_OVERLAP),
            scale=1 / self.ratio,
            wanted_bytes=_area(pixels) * self.codec.encoding_bytes,
        )

    @torch.no_grad()
    def decode(self, latent: Latent) -> Image:
        """Pictures float32 [B, H, W, 3], 0..1, on the CPU, of stored latents.

        A film [B, C, T, h, w] gives one picture per frame. Latents that do not fit into memory are decoded in
        tiles. Raises ChannelsDoNotFit for latents of another family.
        """
        latent = self._frames(latent)
        decoded = self._whole_or_tiled(
            self.codec.decode,
            latent,
            three_tilings(DECODED_TILE, DECODED_OVERLAP),
            scale=self.ratio,
            wanted_bytes=_area(latent) * self.ratio**2 * self.codec.decoding_bytes,
        )
        return _image(decoded)

    @torch.no_grad()
    def encode_tiled(self, image: Image, *, tile: int, overlap: int, on_tile: OnTile | None = None) -> Latent:
        """As `encode`, in tiles of `tile` pixels that share `overlap`: the average of three tilings.

        Both are multiples of `ratio`; `overlap` is less than half of `tile`.
        """
        tilings = three_tilings(tile, overlap)
        pixels = self._pixels(image)
        with self.codec.at_work():
            return run_tiled(self.codec.encode, pixels, tilings, scale=1 / self.ratio, on_tile=on_tile)

    @torch.no_grad()
    def decode_tiled(
        self, latent: Latent, *, tile: int, overlap: int, on_tile: OnTile | None = None
    ) -> Image:
        """As `decode`, in tiles of `tile` cells that share `overlap`: the average of three tilings.

        `overlap` is less than half of `tile`.
        """
        tilings = three_tilings(tile, overlap)
        latent = self._frames(latent)
        with self.codec.at_work():
            decoded = run_tiled(self.codec.decode, latent, tilings, scale=self.ratio, on_tile=on_tile)
        return _image(decoded)

    def _whole_or_tiled(
        self,
        function: OnPicture,
        pictures: Tensor,
        tilings: Sequence[Tiling],
        *,
        scale: float,
        wanted_bytes: int,
    ) -> Tensor:
        """What `function` makes of every picture, in tiles when memory is short."""
        with self.codec.at_work():
            if self._may_ask_for(wanted_bytes):
                whole = _tried(function, pictures)
                if whole is None:
                    self.codec.make_room()
                    whole = _tried(function, pictures)
                if whole is not None:
                    return whole
            logger.warning("Memory is too short for the whole picture: it goes through the VAE in tiles.")
            self.codec.make_room()
            return run_tiled(function, pictures, tilings, scale=scale)

    def _may_ask_for(self, wanted_bytes: int) -> bool:
        """Whether trying does no harm: a GPU refuses in time, the CPU's system ends the process."""
        return self.codec.device.type != "cpu" or wanted_bytes <= spare_memory_bytes(self.codec.device)

    def _pixels(self, image: Image) -> Tensor:
        return _crop(image[..., :3], self.ratio).movedim(-1, 1) * 2 - 1

    def _frames(self, latent: Latent) -> Latent:
        if latent.ndim == 5:
            latent = latent.movedim(2, 1).flatten(0, 1)
        if latent.shape[1] != self.codec.latent_channels:
            raise ChannelsDoNotFit(
                f"The latent has {latent.shape[1]} channels but this VAE decodes "
                f"{self.codec.latent_channels}: use the VAE that belongs to the model."
            )
        return latent


def _tried(function: OnPicture, pictures: Tensor) -> Tensor | None:
    """What `function` makes of every picture; None when memory ran out, with what it held given up."""
    try:
        return torch.cat([function(each[None]).float().cpu() for each in pictures])
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
    return None


def _image(decoded: Tensor) -> Image:
    """[B, 3, H, W] around -1..1 to a picture."""
    return decoded.add_(1).div_(2).clamp_(0, 1).movedim(1, -1)


def _area(pictures: Tensor) -> int:
    return pictures.shape[-2] * pictures.shape[-1]


def _crop(image: Image, ratio: int) -> Image:
    """Cut both sides to multiples of `ratio`, the same on both ends."""
    height, width = image.shape[1:3]
    if min(height, width) < ratio:
        raise SizeNotUsable(f"The picture is {width}x{height} pixels; each side needs at least {ratio}.")
    top, left = height % ratio // 2, width % ratio // 2
    return image[:, top : top + height // ratio * ratio, left : left + width // ratio * ratio]
