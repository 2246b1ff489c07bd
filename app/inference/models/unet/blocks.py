"""Runs numbered blocks of diffusers' UNet modules with hooks; `walk.py` and `controlnet.py` are made of them.

Blocks are counted as in the original latent-diffusion code: input blocks (the first convolution, residual
blocks, downsamplers), one middle block, output blocks.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from app.inference.hooks.network import (
    Attend,
    NetworkCall,
    NetworkHooks,
    Place,
)
from app.inference.types import Tokens

Section: TypeAlias = Literal["input", "middle", "output"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """One numbered block; None where it has no such part."""

    number: int
    resnet: Any = None
    transformer: Any = None
    resampler: Any = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """What every layer of one forward pass is given."""

    embedding: Tensor
    context: Tokens
    call: NetworkCall
    hooks: NetworkHooks


def time_and_label(network: Any, timestep: Tensor, label: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Embedding [B, 4 * width] of timesteps [B] and label vectors [B, adm]; `label` None where unused."""
    embedded = network.time_embedding(network.time_proj(timestep).to(dtype))
    return embedded if label is None else embedded + network.add_embedding(label)


def input_blocks(network: Any) -> tuple[Block, ...]:
    """The blocks on the way down; number 0 stands for the first convolution and has no parts."""
    blocks = [Block(number=0)]
    for level in network.down_blocks:
        attentions = getattr(level, "attentions", None)
        for index, resnet in enumerate(level.resnets):
            transformer = attentions[index] if attentions is not None else None
            blocks.append(Block(number=len(blocks), resnet=resnet, transformer=transformer))
        for resampler in level.downsamplers or ():
            blocks.append(Block(number=len(blocks), resampler=resampler))
    return tuple(blocks)


def output_blocks(network: Any) -> tuple[Block, ...]:
    """The blocks on the way up."""
    blocks: list[Block] = []
    for level in network.up_blocks:
        attentions = getattr(level, "attentions", None)
        for index, resnet in enumerate(level.resnets):
            is_last = index == len(level.resnets) - 1
            blocks.append(
                Block(
                    number=len(blocks),
                    resnet=resnet,
                    transformer=attentions[index] if attentions is not None else None,
                    resampler=level.upsamplers[0] if is_last and level.upsamplers else None,
                )
            )
    return tuple(blocks)


def run_block(block: Block, h: Tensor, given: Pass, section: Section) -> Tensor:
    """The hidden state after a block that takes no skip tensor: [B, C, H, W] of another [B, C', H', W']."""
    if block.resampler is not None:
        return block.resampler(h)
    h = block.resnet(h, given.embedding)
    return h if block.transformer is None else transform(block.transformer, h, given, section, block.number)


def run_middle(middle: Any, h: Tensor, given: Pass) -> Tensor:
    """The hidden state after the middle block; in small control nets it is one residual block alone."""
    h = middle.resnets[0](h, given.embedding)
    for transformer, resnet in zip(middle.attentions, middle.resnets[1:], strict=True):
        h = resnet(transform(transformer, h, given, "middle", 0), given.embedding)
    return h


def transform(transformer: Any, h: Tensor, given: Pass, section: Section, block: int) -> Tensor:
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
        return _as_picture(transformer.proj_out(tokens), height, width) + h
    return transformer.proj_out(_as_picture(tokens, height, width)) + h


def _as_picture(tokens: Tensor, height: int, width: int) -> Tensor:
    """Tokens [B, H * W, C] as contiguous cells [B, C, H, W].

    Cells in another order would make every following convolution rearrange its weights first.
    """
    return tokens.transpose(1, 2).contiguous().unflatten(2, (height, width))


def _layer(
    module: Any,
    tokens: Tensor,
    given: Pass,
    section: Section,
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


def _attention(attention: Any, tokens: Tensor, source: Tensor, place: Place, given: Pass) -> Tensor:
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
