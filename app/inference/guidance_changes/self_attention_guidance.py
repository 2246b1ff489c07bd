"""Guidance away from a prediction that is blurred where the network looks; SelfAttentionGuidance adds it.

Hong et al. 2023, "Improving Sample Quality of Diffusion Models Using Self-Attention Guidance".
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from app.inference.hooks.guidance import NO_GUIDANCE_HOOKS, GuidanceHooks, GuidanceStep
from app.inference.hooks.network import (
    NO_NETWORK_HOOKS,
    NetworkCall,
    NetworkHooks,
    Place,
)
from app.inference.types import Latent

NEGATIVE = 1  # number of the negative side
ATTENDED = 1.0  # a key token counts as looked at when all queries together give it more than one's share
RADIUS = 4  # cells of blur to each side
SMALLEST_SIDE = RADIUS + 1  # shorter sides cannot be mirrored for the blur


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The negative side's attention [B, heads, queries, keys] in a step, and the latent's size."""

    attention: Tensor
    height: int
    width: int


def self_attention_guidance(scale: float, blur_sigma: float) -> tuple[NetworkHooks, GuidanceHooks]:
    """D + (g - s) * scale, g being u blurred where attended and s the negative prediction from there.

    `blur_sigma` in cells. One network call more per step, and the negative side also at cfg 1. A latent with
    a side of 4 cells or less stays as it was; so does a step whose negative side covers only areas.
    """
    if blur_sigma == 0:
        return NO_NETWORK_HOOKS, NO_GUIDANCE_HOOKS
    key = object()

    def look(q: Tensor, k: Tensor, _v: Tensor, heads: int, place: Place, call: NetworkCall) -> None:
        if place == Place("middle", 0, 0, "self") and NEGATIVE in call.sides and not call.further:
            chunk = call.sides.index(NEGATIVE)
            q, k = (each.chunk(len(call.sides))[chunk] for each in (q, k))
            call.memory[key] = _Seen(_attention(q, k, heads), call.height, call.width)

    def after(step: GuidanceStep, denoised: Latent) -> Latent:
        seen: _Seen | None = step.memory.pop(key, None)
        size = tuple(step.x.shape[-2:])
        if seen is None or (seen.height, seen.width) != size or min(size) < SMALLEST_SIDE:
            return denoised
        degraded = degrade(step.negative, seen.attention, blur_sigma)
        there = step.evaluate(NEGATIVE, degraded + (step.x - step.negative))
        return denoised + (degraded - there) * scale

    return NetworkHooks(attention_core=(look,)), GuidanceHooks(after_cfg=(after,), needs_negative=True)


def degrade(latent: Latent, attention: Tensor, blur_sigma: float) -> Latent:
    """Blur `latent` [B, C, h8, w8] where `attention` [B, heads, queries, keys] is gathered."""
    mask = _attended(attention, *latent.shape[-2:]).to(latent.dtype)
    return _blurred(latent, blur_sigma) * mask + latent * (1 - mask)


def _attention(q: Tensor, k: Tensor, heads: int) -> Tensor:
    """softmax(q k^T / sqrt(width)): [B, heads, queries, keys] of [B, N, heads * width]."""
    q, k = (each.unflatten(-1, (heads, -1)).transpose(1, 2).float() for each in (q, k))
    return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(dim=-1)


def _attended(attention: Tensor, height: int, width: int) -> Tensor:
    """Which cells are looked at: bool [B, 1, height, width]."""
    received = attention.mean(dim=1).sum(dim=1)
    tokens = received.shape[-1]
    rows = _rows(tokens, height, width)
    grid = (received > ATTENDED).float().view(-1, 1, rows, tokens // rows)
    return interpolate(grid, size=(height, width), mode="nearest") > 0


def _rows(tokens: int, height: int, width: int) -> int:
    """Rows of the token grid: the divisor of their number that fits the latent's aspect best."""
    wanted = round((tokens * height / width) ** 0.5)
    return min((each for each in range(1, tokens + 1) if tokens % each == 0), key=lambda d: abs(d - wanted))


def _blurred(latent: Latent, sigma: float) -> Latent:
    offsets = torch.arange(-RADIUS, RADIUS + 1, dtype=latent.dtype, device=latent.device)
    line = (-0.5 * (offsets / sigma) ** 2).exp()
    line = line / line.sum()
    channels = latent.shape[1]
    kernel = (line[:, None] * line).expand(channels, 1, -1, -1)
    return conv2d(pad(latent, (RADIUS,) * 4, mode="reflect"), kernel, groups=channels)
