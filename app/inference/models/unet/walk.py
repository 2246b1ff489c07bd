"""Walks a latent through diffusers' UNet modules block by block, so that hooks and control nets can act.

Ronneberger et al. 2015; Rombach et al. 2022, ch. 3.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch import device as Device

from app.inference.hooks.network import NetworkCall, NetworkHooks
from app.inference.models.files.ldm_names import rename, unet_modules
from app.inference.models.unet.blocks import (
    Pass,
    input_blocks,
    output_blocks,
    run_block,
    run_middle,
    time_and_label,
    transform,
)
from app.inference.models.unet.residuals import Residuals
from app.inference.models.unet.shape import UNetShape
from app.inference.models.weights import PatchedWeights
from app.inference.types import Latent, Tokens

if TYPE_CHECKING:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel


class UNet:
    """A UNet as a function; its weights are shared by all models that are made from it."""

    def __init__(self, weights: "PatchedWeights[UNet2DConditionModel]", shape: UNetShape) -> None:
        network = weights.network
        self.weights, self.network, self.shape = weights, network, shape
        self.device: Device = weights.device
        self._inputs = input_blocks(network)
        self._outputs = output_blocks(network)

    @property
    def dtype(self) -> torch.dtype:
        """Number format that it computes in."""
        return self.weights.dtype

    @cached_property
    def original_names(self) -> Mapping[str, str]:
        """The names of its tensors in the original latent-diffusion code."""
        modules = {ours: theirs for theirs, ours in unet_modules(self.shape.levels).items()}
        names = {name: rename(name, modules) for name in self.weights.names}
        return {name: original for name, original in names.items() if original is not None}

    def embedding(self, timestep: Tensor, label: Tensor | None) -> Tensor:
        """Embedding [B, 4 * width] of timesteps [B] and label vectors [B, adm]; `label` None where unused."""
        return time_and_label(self.network, timestep, label, self.dtype)

    def __call__(
        self,
        x: Latent,
        timestep: Tensor,
        context: Tokens,
        label: Tensor | None,
        call: NetworkCall,
        hooks: NetworkHooks,
        residuals: Residuals | None = None,
    ) -> Tensor:
        """The network's output [B, out, h8, w8] for scaled input `x` [B, in, h8, w8], all in its dtype."""
        network: Any = self.network
        given = Pass(embedding=self.embedding(timestep, label), context=context, call=call, hooks=hooks)
        added = residuals or Residuals()
        h, skips = self._down(x, given, added)
        h = run_middle(network.mid_block, h, given)
        if added.middle is not None:
            h = h + added.middle
        h = self._up(h, skips, given, added)
        return network.conv_out(network.conv_act(network.conv_norm_out(h)))

    def _down(self, x: Latent, given: Pass, added: Residuals) -> tuple[Tensor, list[Tensor]]:
        network: Any = self.network
        h, skips = network.conv_in(x), []
        for block in self._inputs:
            if block.number > 0:
                h = run_block(block, h, given, "input")
            h = _plus(h, added.input_blocks, block.number)
            for hook in given.hooks.input_block:
                h = hook(h, block.number, given.call)
            skips.append(h)
            for hook in given.hooks.input_block_after_skip:
                h = hook(h, block.number, given.call)
        return h, skips

    def _up(self, h: Tensor, skips: list[Tensor], given: Pass, added: Residuals) -> Tensor:
        for block in self._outputs:
            skip = _plus(skips.pop(), added.skips, len(skips))
            for hook in given.hooks.output_block:
                h, skip = hook(h, skip, block.number, given.call)
            h = block.resnet(torch.cat([h, skip], dim=1), given.embedding)
            if block.transformer is not None:
                h = transform(block.transformer, h, given, "output", block.number)
            if block.resampler is not None:
                h = block.resampler(h, skips[-1].shape[-2:])
        return h


def _plus(h: Tensor, residuals: tuple[Tensor | None, ...], number: int) -> Tensor:
    residual = residuals[number] if number < len(residuals) else None
    return h if residual is None else h + residual
