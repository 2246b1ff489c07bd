"""Pictures with a hole: which pixels are blanked and which batches fit together."""

import pytest
import torch

from app.inference.errors import BatchesDoNotFit
from app.inference.pictures.masked_picture import blanked, cut_to_cells


def test_the_middle_is_kept_when_a_picture_is_cut_to_cells() -> None:
    picture = torch.arange(11.0).reshape(1, 1, 11, 1).expand(1, 18, 11, 3)

    cut = cut_to_cells(picture)

    assert cut.shape == (1, 16, 8, 3)
    assert cut[0, 0, :, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_pixels_become_grey_where_the_mask_rounds_to_one() -> None:
    mask = torch.tensor([0.0, 0.5, 0.51, 1.0]).reshape(1, 1, 1, 4)  # a half rounds to the even 0

    grey = blanked(torch.ones(1, 1, 4, 4), mask)

    assert grey.shape == (1, 1, 4, 3)
    assert grey[0, 0, :, 0].tolist() == [1, 1, 0.5, 0.5]


def test_one_mask_serves_all_pictures_but_not_two_three() -> None:
    assert len(blanked(torch.ones(3, 2, 2, 3), torch.ones(1, 1, 2, 2))) == 3
    with pytest.raises(BatchesDoNotFit, match="3 pictures and 2 masks"):
        blanked(torch.ones(3, 2, 2, 3), torch.ones(2, 1, 2, 2))
