"""Tiles cover a picture, fit together without seams, and are counted."""

import pytest
import torch
from torch import Tensor

from app.inference.tiling import Tiling, run_tiled, three_tilings


def doubled(tile: Tensor) -> Tensor:
    return tile.repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)


@pytest.mark.parametrize("size", [(5, 7), (16, 16), (17, 40), (64, 31)])
@pytest.mark.parametrize("overlap", [0, 1, 7])
def test_function_without_surroundings_gives_the_same_in_tiles(size: tuple[int, int], overlap: int) -> None:
    pictures = torch.randn(2, 3, *size)
    tilings = (Tiling(height=16, width=16, overlap=overlap), Tiling(height=20, width=16, overlap=overlap))

    tiled = run_tiled(doubled, pictures, tilings, scale=2)

    torch.testing.assert_close(tiled, doubled(pictures), rtol=0, atol=1e-6)


def test_every_tile_is_as_large_as_asked_but_at_the_end() -> None:
    windows = Tiling(height=8, width=100, overlap=2).windows(21, 50)

    assert [(rows.start, rows.stop) for rows, _ in windows] == [(0, 8), (6, 14), (12, 20), (18, 21)]
    assert {(columns.start, columns.stop) for _, columns in windows} == {(0, 50)}


def test_neighbours_fade_into_each_other() -> None:
    numbers = iter([0.0, 1.0])

    tiled = run_tiled(
        lambda tile: torch.full_like(tile, next(numbers)),
        torch.zeros(1, 1, 1, 12),
        (Tiling(height=1, width=8, overlap=4),),
        scale=1,
    )

    shared = [(k + 1) / ((k + 1) + (4 - k)) for k in range(4)]  # rising ramp over the sum of both
    assert tiled.flatten().tolist() == pytest.approx([0.0] * 4 + shared + [1.0] * 4)


def test_finished_tiles_are_reported_and_the_report_may_stop_the_work() -> None:
    reports: list[tuple[int, int]] = []
    pictures = torch.zeros(2, 1, 8, 12)
    total = 2 * (5 + 3 + 2)  # two pictures; tall tiles 16x4, wide ones 4x16, square ones 8x8

    run_tiled(doubled, pictures, three_tilings(8, 2), scale=2, on_tile=lambda *each: reports.append(each))

    assert reports == [(k + 1, total) for k in range(total)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_tiled(doubled, pictures, three_tilings(8, 2), scale=2, on_tile=stop)
