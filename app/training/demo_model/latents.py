"""Defines the demo model's latents: what the encoder has to compute and the UNet learns to make.

Per patch of 8x8 pixels: mean red, green, blue, and mean luma of the upper half minus that of the lower half,
each scaled to mean 0 and standard deviation 1 over the training pictures. Because they are defined rather
than learnt, the UNet and the VAE can be trained at the same time.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from app.inference.types import Latent

PATCH = 8
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_MEAN = (0.180072, -0.076907, -0.197851, -0.000555)
_SPREAD = (0.723498, 0.603168, 0.666602, 0.136831)


class DefinedLatents:
    """Computes latents with the fixed mean and spread of 2,048 training pictures, measured once."""

    def __init__(self) -> None:
        self.mean = torch.tensor(_MEAN).view(1, 4, 1, 1)
        self.std = torch.tensor(_SPREAD).view(1, 4, 1, 1)

    def __call__(self, pictures: Tensor) -> Latent:
        """Latents float32 [N, 4, H/8, W/8] of pictures [N, 3, H, W], -1..1."""
        return (_raw(pictures) - self.mean.to(pictures.device)) / self.std.to(pictures.device)

    def preview_colours(self) -> dict[str, list[list[float]] | list[float]]:
        """Factors and bias that turn latents into colours in -1..1: the first three channels undone."""
        spread = self.std.flatten().tolist()
        rows = [
            [spread[channel] if channel == colour else 0.0 for colour in range(3)] for channel in range(4)
        ]
        return {"factors": rows, "bias": self.mean.flatten().tolist()[:3]}


def _raw(pictures: Tensor) -> Tensor:
    luma = (pictures * torch.tensor(_LUMA, device=pictures.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    halves = avg_pool2d(luma, (PATCH // 2, PATCH))
    return torch.cat([avg_pool2d(pictures, PATCH), halves[:, :, 0::2] - halves[:, :, 1::2]], dim=1)
