"""Decoder blocks with stronger backbones and calmer skip connections; the FreeU nodes add it.

Si et al. 2024, "FreeU: Free Lunch in Diffusion U-Net", equations 1 to 5.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.fft import fft2, fftshift, ifft2, ifftshift

from app.inference.hooks.network import NetworkCall, NetworkHooks

AXES = (-2, -1)
DEEP, MIDDLE = 4, 2  # widths of the blocks that are changed, in multiples of the UNet's own

Backbone: TypeAlias = Callable[[Tensor, float], Tensor]
"""(hidden state [B, C, H, W], factor) -> factor of its channels, broadcastable."""


def free_u(width: int, *, b1: float, b2: float, s1: float, s2: float) -> NetworkHooks:
    """Multiply half of the channels by `b` and the lowest frequencies of the skip tensor by `s`.

    b1 and s1 act at decoder blocks 4 times as wide as the UNet's `width`, b2 and s2 at those twice as wide.
    """
    return _hooks(width, (b1, b2), (s1, s2), lambda h, factor: h.new_tensor(factor))


def free_u_v2(width: int, *, b1: float, b2: float, s1: float, s2: float) -> NetworkHooks:
    """As `free_u`, but the backbone grows only where it is active: 1 + (b - 1) * m.

    m is the mean over all channels, brought to 0..1 within each picture.
    """
    return _hooks(width, (b1, b2), (s1, s2), _by_activity)


def _hooks(
    width: int, backbone: tuple[float, float], skip: tuple[float, float], factor_of: Backbone
) -> NetworkHooks:
    factors = dict(zip((DEEP * width, MIDDLE * width), zip(backbone, skip, strict=True), strict=True))

    def change(h: Tensor, skip: Tensor, _block: int, _call: NetworkCall) -> tuple[Tensor, Tensor]:
        if h.shape[1] not in factors:
            return h, skip
        b, s = factors[h.shape[1]]
        half = h.shape[1] // 2
        scale = factor_of(h, b)
        h = h.clone()
        h[:, :half] *= scale
        return h, _with_low_frequencies(skip, s)

    return NetworkHooks(output_block=(change,))


def _by_activity(h: Tensor, factor: float) -> Tensor:
    activity = h.mean(dim=1, keepdim=True)
    low, high = activity.amin(dim=AXES, keepdim=True), activity.amax(dim=AXES, keepdim=True)
    span = (high - low).clamp(min=torch.finfo(h.dtype).tiny)  # flat where the block has a single place
    return (factor - 1) * (activity - low) / span + 1


def _with_low_frequencies(skip: Tensor, scale: float) -> Tensor:
    """Scale the 2 x 2 bins around the centre of the spectrum; in float32, as half precision has no FFT."""
    spectrum = fftshift(fft2(skip.float(), dim=AXES), dim=AXES)
    row, column = (side // 2 for side in skip.shape[-2:])
    spectrum[..., row - 1 : row + 1, column - 1 : column + 1] *= scale
    return ifft2(ifftshift(spectrum, dim=AXES), dim=AXES).real.to(skip.dtype)
