"""Pictures are enlarged in tiles that become smaller when memory runs out."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor
from torch import device as Device
from torch.nn.functional import interpolate

from app.inference.errors import ChannelsDoNotFit
from app.inference.pictures import upscale as upscale_module
from app.inference.pictures.upscale import upscaled

CUDA = Device("cuda")


@dataclass
class Limited:
    """Enlarges tiles of up to `largest` pixels along a side and runs out of memory with others."""

    largest: int
    scale: int = 2
    device: Device = CUDA
    bytes_per_pixel: int = 100
    error: Exception = field(default_factory=torch.OutOfMemoryError)
    rooms_made: int = 0

    def at_work(self) -> AbstractContextManager[None]:
        return nullcontext()

    def make_room(self) -> None:
        self.rooms_made += 1

    def __call__(self, tile: Tensor) -> Tensor:
        if max(tile.shape[-2:]) > self.largest:
            raise self.error
        return interpolate(tile, scale_factor=self.scale)


IMAGE = torch.rand(1, 300, 700, 3)


def wanted(scale: int = 2) -> Tensor:
    return interpolate(IMAGE.movedim(-1, 1), scale_factor=scale).movedim(1, -1)


@pytest.mark.parametrize(("largest", "tries"), [(512, 1), (511, 2), (200, 3), (128, 3)])
def test_tiles_are_halved_until_they_fit_into_memory(largest: int, tries: int) -> None:
    model = Limited(largest=largest)

    result = upscaled(model, IMAGE)

    torch.testing.assert_close(result, wanted())
    assert model.rooms_made == tries - 1


def test_the_smallest_tile_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        upscaled(Limited(largest=100), IMAGE)


def test_other_errors_are_passed_on_at_once() -> None:
    model = Limited(largest=100, error=RuntimeError("wrong shape"))

    with pytest.raises(RuntimeError, match="wrong shape"):
        upscaled(model, IMAGE)

    assert model.rooms_made == 0


def test_cpu_is_asked_for_no_larger_tiles_than_there_is_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upscale_module, "spare_memory_bytes", lambda _device: 256 * 256 * 100)
    model = Limited(largest=256, device=Device("cpu"))

    torch.testing.assert_close(upscaled(model, IMAGE), wanted())
    assert model.rooms_made == 0


def test_finished_tiles_are_reported() -> None:
    reports: list[tuple[int, int]] = []

    upscaled(Limited(largest=512), IMAGE, lambda *each: reports.append(each))

    assert reports == [(1, 2), (2, 2)]


def test_pictures_that_are_not_rgb_are_refused() -> None:
    with pytest.raises(ChannelsDoNotFit, match="4 channels"):
        upscaled(Limited(largest=512), torch.rand(1, 8, 8, 4))
