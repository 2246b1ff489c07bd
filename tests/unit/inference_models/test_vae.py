"""A VAE works on whole pictures while memory lasts, and in tiles when it does not."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor
from torch import device as Device

from app.inference.errors import ChannelsDoNotFit, SizeNotUsable
from app.inference.models.vae import vae as vae_module
from app.inference.models.vae.vae import Vae

CUDA = Device("cuda")
CPU = Device("cpu")


@dataclass
class Limited:
    """A codec that refuses more than `cells` at once; 4 pixels a cell, whose mean is the latent."""

    cells: int
    error: Callable[[], Exception] = torch.OutOfMemoryError
    device: Device = CUDA
    ratio: int = 4
    latent_channels: int = 3
    decoding_bytes: int = 10
    encoding_bytes: int = 10
    sizes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    rooms_made: int = 0
    more_cells_with_room: int = 0

    def at_work(self) -> AbstractContextManager[None]:
        return nullcontext()

    def make_room(self) -> None:
        self.rooms_made += 1
        self.cells += self.more_cells_with_room

    def encode(self, pixels: Tensor) -> Tensor:
        self._ask(pixels, self.ratio)
        return torch.nn.functional.avg_pool2d(pixels, self.ratio)

    def decode(self, latent: Tensor) -> Tensor:
        self._ask(latent, 1)
        return latent.repeat_interleave(self.ratio, dim=2).repeat_interleave(self.ratio, dim=3)

    def _ask(self, pictures: Tensor, unit: int) -> None:
        height, width = pictures.shape[-2] // unit, pictures.shape[-1] // unit
        self.sizes.append((height, width))
        if height * width > self.cells:
            raise self.error()


LATENT = torch.linspace(-0.9, 0.9, 3 * 90 * 70).reshape(1, 3, 90, 70)
TILE_CELLS = 64 * 64


def test_whole_picture_is_decoded_while_memory_lasts() -> None:
    codec = Limited(cells=90 * 70)

    Vae(codec=codec).decode(LATENT)

    assert codec.sizes == [(90, 70)]
    assert codec.rooms_made == 0


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError, MemoryError, lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)
def test_decoding_goes_on_in_tiles_when_memory_runs_out(error: Callable[[], Exception]) -> None:
    codec = Limited(cells=TILE_CELLS, error=error)

    image = Vae(codec=codec).decode(LATENT)

    assert codec.sizes[:2] == [(90, 70)] * 2
    assert all(height * width <= TILE_CELLS for height, width in codec.sizes[2:])
    torch.testing.assert_close(image, Vae(codec=Limited(cells=90 * 70)).decode(LATENT))


def test_whole_picture_is_tried_again_with_room_made() -> None:
    codec = Limited(cells=100, more_cells_with_room=90 * 70)

    Vae(codec=codec).decode(LATENT)

    assert codec.sizes == [(90, 70)] * 2


def test_encoding_goes_on_in_tiles_when_memory_runs_out() -> None:
    image = torch.rand(2, 640, 530, 4)
    codec = Limited(cells=128 * 128)

    latent = Vae(codec=codec).encode(image)

    assert latent.shape == (2, 3, 160, 132)
    assert max(height * width for height, width in codec.sizes[2:]) <= 128 * 128
    torch.testing.assert_close(latent, Vae(codec=Limited(cells=160 * 132)).encode(image))


def test_other_errors_of_the_network_are_not_taken_for_missing_memory() -> None:
    codec = Limited(cells=1, error=lambda: RuntimeError("shapes do not match"))

    with pytest.raises(RuntimeError, match="shapes do not match"):
        Vae(codec=codec).decode(LATENT)


def test_cpu_is_not_asked_for_more_than_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = 90 * 70 * 4 * 4 * 10
    monkeypatch.setattr(vae_module, "spare_memory_bytes", lambda _device: wanted)
    enough = Limited(cells=90 * 70, device=CPU)
    Vae(codec=enough).decode(LATENT)
    monkeypatch.setattr(vae_module, "spare_memory_bytes", lambda _device: wanted - 1)
    short = Limited(cells=90 * 70, device=CPU)

    Vae(codec=short).decode(LATENT)

    assert enough.sizes == [(90, 70)]
    assert (90, 70) not in short.sizes


def test_film_gives_one_picture_per_frame() -> None:
    film = torch.rand(1, 3, 5, 2, 3)

    images = Vae(codec=Limited(cells=100)).decode(film)

    assert images.shape == (5, 8, 12, 3)
    torch.testing.assert_close(images[3, 0, 0], (film[0, :, 3, 0, 0] + 1) / 2)


def test_latent_of_another_family_and_tiny_picture_are_refused() -> None:
    vae = Vae(codec=Limited(cells=100))

    with pytest.raises(ChannelsDoNotFit, match="4 channels but this VAE decodes 3"):
        vae.decode(torch.zeros(1, 4, 2, 2))
    with pytest.raises(SizeNotUsable, match="3x8"):
        vae.encode(torch.zeros(1, 8, 3, 3))
