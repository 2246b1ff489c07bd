"""Walks a latent through diffusers' UNet modules block by block, so that hooks and control nets can act.

Blocks are counted as in the original latent-diffusion code: input blocks (the first convolution, residual
blocks, downsamplers), one middle block, output blocks. Ronneberger et al. 2015; Rombach et al. 2022, ch. 3.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor
from torch import device as Device
from torch.nn.functional import scaled_dot_product_attention

from app.inference.control import Residuals
from app.inference.hooks import Attend, NetworkCall, NetworkHooks, Place
from app.inference.models.unet_shape import UNetShape
from app.inference.models.weights import PatchedWeights
from app.inference.types import Latent, Tokens

if TYPE_CHECKING:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel


@dataclass(frozen=True, kw_only=True, eq=False)
class _Block:
    """One numbered block; None where it has no such part."""

    number: int
    resnet: Any = None
    transformer: Any = None
    resampler: Any = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pass:
    """What every layer of one forward pass is given."""

    embedding: Tensor
    context: Tokens
    call: NetworkCall
    hooks: NetworkHooks


class UNet:
    """A UNet as a function; its weights are shared by all models that are made from it."""

    def __init__(self, weights: "PatchedWeights[UNet2DConditionModel]", shape: UNetShape) -> None:
        network = weights.network
        self.weights, self.network, self.shape = weights, network, shape
        self.device: Device = weights.device
        self.dtype: torch.dtype = weights.dtype
        self._inputs = _input_blocks(network)
        self._outputs = _output_blocks(network)

    def embedding(self, timestep: Tensor, label: Tensor | None) -> Tensor:
        """Embedding [B, 4 * width] of timesteps [B] and label vectors [B, adm]; `label` None where unused."""
        network: Any = self.network
        embedded = network.time_embedding(network.time_proj(timestep).to(self.dtype))
        return embedded if label is None else embedded + network.add_embedding(label)

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
        given = _Pass(embedding=self.embedding(timestep, label), context=context, call=call, hooks=hooks)
        added = residuals or Residuals()
        h, skips = self._down(x, given, added)
        middle = network.mid_block
        h = middle.resnets[0](h, given.embedding)
        h = _transform(middle.attentions[0], h, given, "middle", 0)
        h = middle.resnets[1](h, given.embedding)
        if added.middle is not None:
            h = h + added.middle
        h = self._up(h, skips, given, added)
        return network.conv_out(network.conv_act(network.conv_norm_out(h)))

    def _down(self, x: Latent, given: _Pass, added: Residuals) -> tuple[Tensor, list[Tensor]]:
        network: Any = self.network
        h, skips = network.conv_in(x), []
        for block in self._inputs:
            if block.number > 0:
                h = _run(block, h, given, "input")
            h = _plus(h, added.input_blocks, block.number)
            for hook in given.hooks.input_block:
                h = hook(h, block.number, given.call)
            skips.append(h)
            for hook in given.hooks.input_block_after_skip:
                h = hook(h, block.number, given.call)
        return h, skips

    def _up(self, h: Tensor, skips: list[Tensor], given: _Pass, added: Residuals) -> Tensor:
        for block in self._outputs:
            skip = _plus(skips.pop(), added.skips, len(skips))
            for hook in given.hooks.output_block:
                h, skip = hook(h, skip, block.number, given.call)
            h = block.resnet(torch.cat([h, skip], dim=1), given.embedding)
            if block.transformer is not None:
                h = _transform(block.transformer, h, given, "output", block.number)
            if block.resampler is not None:
                h = block.resampler(h, skips[-1].shape[-2:])
        return h


def _input_blocks(network: "UNet2DConditionModel") -> tuple[_Block, ...]:
    blocks = [_Block(number=0)]
    for level in cast("Any", network).down_blocks:
        attentions = getattr(level, "attentions", None)
        for index, resnet in enumerate(level.resnets):
            transformer = attentions[index] if attentions is not None else None
            blocks.append(_Block(number=len(blocks), resnet=resnet, transformer=transformer))
        for resampler in level.downsamplers or ():
            blocks.append(_Block(number=len(blocks), resampler=resampler))
    return tuple(blocks)


def _output_blocks(network: "UNet2DConditionModel") -> tuple[_Block, ...]:
    blocks: list[_Block] = []
    for level in cast("Any", network).up_blocks:
        attentions = getattr(level, "attentions", None)
        for index, resnet in enumerate(level.resnets):
            is_last = index == len(level.resnets) - 1
            blocks.append(
                _Block(
                    number=len(blocks),
                    resnet=resnet,
                    transformer=attentions[index] if attentions is not None else None,
                    resampler=level.upsamplers[0] if is_last and level.upsamplers else None,
                )
            )
    return tuple(blocks)


def _run(block: _Block, h: Tensor, given: _Pass, section: Literal["input", "output"]) -> Tensor:
    if block.resampler is not None:
        return block.resampler(h)
    h = block.resnet(h, given.embedding)
    return h if block.transformer is None else _transform(block.transformer, h, given, section, block.number)


def _plus(h: Tensor, residuals: tuple[Tensor | None, ...], number: int) -> Tensor:
    residual = residuals[number] if number < len(residuals) else None
    return h if residual is None else h + residual


def _transform(
    transformer: Any, h: Tensor, given: _Pass, section: Literal["input", "middle", "output"], block: int
) -> Tensor:
    """Attention over the picture's cells as tokens [B, H * W, C], and what is around it."""
    batch, channels, height, width = h.shape
    tokens = transformer.norm(h)
    if transformer.use_linear_projection:
        tokens = transformer.proj_in(tokens.permute(0, 2, 3, 1).reshape(batch, height * width, channels))
    else:
        tokens = transformer.proj_in(tokens).permute(0, 2, 3, 1).reshape(batch, height * width, -1)
    for layer, module in enumerate(transformer.transformer_blocks):
        tokens = _layer(module, tokens, given, section, block, layer)
    if transformer.use_linear_projection:
        out = transformer.proj_out(tokens).reshape(batch, height, width, channels).permute(0, 3, 1, 2)
    else:
        out = tokens.reshape(batch, height, width, -1).permute(0, 3, 1, 2).contiguous()
        out = transformer.proj_out(out)
    return out + h


def _layer(
    module: Any,
    tokens: Tensor,
    given: _Pass,
    section: Literal["input", "middle", "output"],
    block: int,
    layer: int,
) -> Tensor:
    place = Place(section, block, layer, "self")
    normed = module.norm1(tokens)
    tokens = _attention(module.attn1, normed, normed, place, given) + tokens
    for hook in given.hooks.after_self_attention:
        tokens = hook(tokens, place, given.call)
    place = Place(section, block, layer, "cross")
    tokens = _attention(module.attn2, module.norm2(tokens), given.context, place, given) + tokens
    return module.ff(module.norm3(tokens)) + tokens


def _attention(attention: Any, tokens: Tensor, source: Tensor, place: Place, given: _Pass) -> Tensor:
    """Attention of `tokens` to `source` with the hooks around it, the first hook outermost."""

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q, k, v = attention.to_q(query), attention.to_k(key), attention.to_v(value)
        for hook in given.hooks.attention_core:
            mixed = hook(q, k, v, attention.heads, place, given.call)
            if mixed is not None:
                return attention.to_out[0](mixed)
        return attention.to_out[0](_mix(q, k, v, attention.heads))

    wrapped: Attend = attend
    for hook in reversed(given.hooks.around_attention):
        wrapped = _around(hook, wrapped, place, given.call)
    return wrapped(tokens, source, source)


def _around(hook: Any, inner: Attend, place: Place, call: NetworkCall) -> Attend:
    return lambda query, key, value: hook(inner, query, key, value, place, call)


def _mix(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    batch, _, width = q.shape
    q, k, v = (each.view(batch, -1, heads, width // heads).transpose(1, 2) for each in (q, k, v))
    return scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, -1, width)
