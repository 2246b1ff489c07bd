"""Inner blocks at a lower resolution early on, for large pictures; PatchModelAddDownscale adds it.

Kohya's "Deep Shrink": the composition is made at a size the model knows, details follow at the full size.
"""

from dataclasses import dataclass

from torch import Tensor

from app.inference.hooks.network import NetworkCall, NetworkHooks
from app.inference.pictures.resize import resize_latent


@dataclass(frozen=True, kw_only=True)
class Shrink:
    """Where, when and how the hidden state shrinks.

    After input block `block` (from 0) its sides are divided by `factor`, from `start_percent` to
    `end_percent` (0..1) of the schedule. With `after_skip` the skip tensor of that block keeps its size.
    """

    block: int
    factor: float
    start_percent: float
    end_percent: float
    after_skip: bool
    downscale_method: str
    upscale_method: str


def deep_shrink(shrink: Shrink) -> NetworkHooks:
    """Shrink once in the encoder; in the decoder return to the skip tensor's size wherever it differs."""

    def shrunk(h: Tensor, block: int, call: NetworkCall) -> Tensor:
        if block != shrink.block or not _acts(shrink, call):
            return h
        height, width = (max(1, round(side / shrink.factor)) for side in h.shape[-2:])
        return resize_latent(h, width, height, shrink.downscale_method)

    def grown(h: Tensor, skip: Tensor, _block: int, _call: NetworkCall) -> tuple[Tensor, Tensor]:
        if h.shape[-2] != skip.shape[-2]:
            h = resize_latent(h, skip.shape[-1], skip.shape[-2], shrink.upscale_method)
        return h, skip

    if shrink.after_skip:
        return NetworkHooks(input_block_after_skip=(shrunk,), output_block=(grown,))
    return NetworkHooks(input_block=(shrunk,), output_block=(grown,))


def _acts(shrink: Shrink, call: NetworkCall) -> bool:
    percent_to_sigma = call.model_sampling.percent_to_sigma
    first, last = percent_to_sigma(shrink.start_percent), percent_to_sigma(shrink.end_percent)
    return first >= call.sigma.item() >= last
