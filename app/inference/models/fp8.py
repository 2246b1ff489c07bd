"""Rounds tensors to 8-bit floating point by chance, so that small changes survive; `weights.py` calls it.

Stochastic rounding: Gupta et al. 2015, "Deep learning with limited numerical precision", section 3.1.
"""

import zlib
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class _Format:
    """Bits of the fraction and exponent of the smallest normal number."""

    fraction_bits: int
    lowest_exponent: int


FP8 = {
    torch.float8_e4m3fn: _Format(fraction_bits=3, lowest_exponent=-6),
    torch.float8_e5m2: _Format(fraction_bits=2, lowest_exponent=-14),
}


def round_to_fp8(weight: Tensor, dtype: torch.dtype, name: str) -> Tensor:
    """`weight` float32 as `dtype`: each number becomes one of its neighbours, the nearer the likelier.

    The choice depends on `name`, the position and the kind of device alone, so that equal inputs give equal
    bits, those of ComfyUI. Numbers beyond the format's range become its largest.
    """
    form, largest = FP8[dtype], torch.finfo(dtype).max
    generator = torch.Generator(weight.device).manual_seed(zlib.crc32(name.encode()))
    chance = torch.rand(weight.shape, generator=generator, device=weight.device, dtype=torch.float16)
    size = weight.abs().clamp(max=largest).half().float()
    _, exponent = torch.frexp(size)  # size = fraction * 2^exponent with fraction in 0.5..1
    step = torch.ldexp(
        torch.ones_like(size), (exponent - 1).clamp(min=form.lowest_exponent) - form.fraction_bits
    )
    rounded = ((size / step + chance).floor() * step).clamp(max=largest)
    return (weight.sign() * rounded).to(dtype)
