"""Makes tiny checkpoints of Stable Diffusion 1 layout with random weights; tests of loading and nodes use it.

Weights are normal with std 1/sqrt(fan in), so that activations keep their size through the network.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.transformer.text_model."


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """Sizes of a tiny checkpoint; `attention` tells which UNet levels have cross-attention."""

    channels: int = 32
    mult: tuple[int, ...] = (1, 2)
    blocks: int = 1
    attention: tuple[bool, ...] = (True, False)
    text_width: int = 64
    text_layers: int = 3
    vocabulary: int = 49408
    vae_width: int = 32
    vae_mult: tuple[int, ...] = (1, 1, 1, 1)
    vae_blocks: int = 1


class Weights:
    """Collects named random tensors; equal seeds give equal weights."""

    def __init__(self, seed: int) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._generator = torch.Generator().manual_seed(seed)

    def normal(self, name: str, *shape: int, std: float) -> None:
        """One tensor."""
        self.tensors[name] = torch.randn(shape, generator=self._generator) * std

    def layer(self, name: str, out: int, into: int, kernel: int = 0, *, bias: bool = True) -> None:
        """A linear layer, or a convolution when `kernel` is given."""
        shape = (out, into, kernel, kernel) if kernel else (out, into)
        self.normal(f"{name}.weight", *shape, std=1 / math.sqrt(math.prod(shape[1:])))
        if bias:
            self.normal(f"{name}.bias", out, std=0.05)

    def norm(self, name: str, width: int) -> None:
        """A normalisation with weights near 1."""
        self.normal(f"{name}.weight", width, std=0.05)
        self.tensors[f"{name}.weight"] += 1
        self.normal(f"{name}.bias", width, std=0.05)


def tiny_weights(sizes: Tiny | None = None, seed: int = 0) -> dict[str, Tensor]:
    """All tensors of a tiny checkpoint, float32."""
    weights = Weights(seed)
    sizes = sizes or Tiny()
    _unet(weights, sizes)
    _vae(weights, sizes)
    _text(weights, sizes)
    return weights.tensors


def save_tiny(
    path: Path,
    sizes: Tiny | None = None,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a tiny checkpoint and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.to(dtype).contiguous() for name, tensor in tiny_weights(sizes, seed).items()}
    save_file(tensors, path, metadata=metadata)
    return path


def _unet(weights: Weights, sizes: Tiny) -> None:
    width, embedding = sizes.channels, sizes.channels * 4
    weights.layer(f"{UNET}time_embed.0", embedding, width)
    weights.layer(f"{UNET}time_embed.2", embedding, embedding)
    weights.layer(f"{UNET}input_blocks.0.0", width, 4, 3)
    skips = _unet_down(weights, sizes, embedding)
    deepest = width * sizes.mult[-1]
    _resnet(weights, f"{UNET}middle_block.0", deepest, deepest, embedding)
    _transformer(weights, f"{UNET}middle_block.1", deepest, sizes.text_width)
    _resnet(weights, f"{UNET}middle_block.2", deepest, deepest, embedding)
    _unet_up(weights, sizes, embedding, skips)
    weights.norm(f"{UNET}out.0", width)
    weights.layer(f"{UNET}out.2", 4, width, 3)


def _unet_down(weights: Weights, sizes: Tiny, embedding: int) -> list[int]:
    current, index = sizes.channels, 1
    skips = [current]
    for level, mult in enumerate(sizes.mult):
        for _ in range(sizes.blocks):
            name = f"{UNET}input_blocks.{index}"
            _resnet(weights, f"{name}.0", sizes.channels * mult, current, embedding)
            current = sizes.channels * mult
            if sizes.attention[level]:
                _transformer(weights, f"{name}.1", current, sizes.text_width)
            skips.append(current)
            index += 1
        if level < len(sizes.mult) - 1:
            weights.layer(f"{UNET}input_blocks.{index}.0.op", current, current, 3)
            skips.append(current)
            index += 1
    return skips


def _unet_up(weights: Weights, sizes: Tiny, embedding: int, skips: list[int]) -> None:
    current, index = sizes.channels * sizes.mult[-1], 0
    for level in reversed(range(len(sizes.mult))):
        for block in range(sizes.blocks + 1):
            name = f"{UNET}output_blocks.{index}"
            out = sizes.channels * sizes.mult[level]
            _resnet(weights, f"{name}.0", out, current + skips.pop(), embedding)
            current = out
            if sizes.attention[level]:
                _transformer(weights, f"{name}.1", current, sizes.text_width)
            if level > 0 and block == sizes.blocks:
                slot = 2 if sizes.attention[level] else 1
                weights.layer(f"{name}.{slot}.conv", current, current, 3)
            index += 1


def _resnet(weights: Weights, name: str, out: int, into: int, embedding: int) -> None:
    weights.norm(f"{name}.in_layers.0", into)
    weights.layer(f"{name}.in_layers.2", out, into, 3)
    weights.layer(f"{name}.emb_layers.1", out, embedding)
    weights.norm(f"{name}.out_layers.0", out)
    weights.layer(f"{name}.out_layers.3", out, out, 3)
    if out != into:
        weights.layer(f"{name}.skip_connection", out, into, 1)


def _transformer(weights: Weights, name: str, width: int, context: int) -> None:
    block = f"{name}.transformer_blocks.0"
    weights.norm(f"{name}.norm", width)
    weights.layer(f"{name}.proj_in", width, width, 1)
    for attention, source in (("attn1", width), ("attn2", context)):
        weights.layer(f"{block}.{attention}.to_q", width, width, bias=False)
        weights.layer(f"{block}.{attention}.to_k", width, source, bias=False)
        weights.layer(f"{block}.{attention}.to_v", width, source, bias=False)
        weights.layer(f"{block}.{attention}.to_out.0", width, width)
    weights.layer(f"{block}.ff.net.0.proj", width * 8, width)
    weights.layer(f"{block}.ff.net.2", width, width * 4)
    for number in (1, 2, 3):
        weights.norm(f"{block}.norm{number}", width)
    weights.layer(f"{name}.proj_out", width, width, 1)


def _vae(weights: Weights, sizes: Tiny) -> None:
    widths = [sizes.vae_width * mult for mult in sizes.vae_mult]
    _vae_encoder(weights, widths, sizes.vae_blocks)
    _vae_decoder(weights, widths, sizes.vae_blocks)
    weights.layer(f"{VAE}quant_conv", 8, 8, 1)
    weights.layer(f"{VAE}post_quant_conv", 4, 4, 1)


def _vae_encoder(weights: Weights, widths: list[int], blocks: int) -> None:
    name = f"{VAE}encoder"
    weights.layer(f"{name}.conv_in", widths[0], 3, 3)
    current = widths[0]
    for level, width in enumerate(widths):
        for block in range(blocks):
            _vae_resnet(weights, f"{name}.down.{level}.block.{block}", width, current)
            current = width
        if level < len(widths) - 1:
            weights.layer(f"{name}.down.{level}.downsample.conv", current, current, 3)
    _vae_ends(weights, name, current, current, 8)


def _vae_decoder(weights: Weights, widths: list[int], blocks: int) -> None:
    name = f"{VAE}decoder"
    current = widths[-1]
    weights.layer(f"{name}.conv_in", current, 4, 3)
    for level in reversed(range(len(widths))):
        for block in range(blocks + 1):
            _vae_resnet(weights, f"{name}.up.{level}.block.{block}", widths[level], current)
            current = widths[level]
        if level > 0:
            weights.layer(f"{name}.up.{level}.upsample.conv", current, current, 3)
    _vae_ends(weights, name, widths[-1], current, 3)


def _vae_ends(weights: Weights, name: str, middle: int, last: int, out: int) -> None:
    _vae_resnet(weights, f"{name}.mid.block_1", middle, middle)
    weights.norm(f"{name}.mid.attn_1.norm", middle)
    for part in ("q", "k", "v", "proj_out"):
        weights.layer(f"{name}.mid.attn_1.{part}", middle, middle, 1)
    _vae_resnet(weights, f"{name}.mid.block_2", middle, middle)
    weights.norm(f"{name}.norm_out", last)
    weights.layer(f"{name}.conv_out", out, last, 3)


def _vae_resnet(weights: Weights, name: str, out: int, into: int) -> None:
    weights.norm(f"{name}.norm1", into)
    weights.layer(f"{name}.conv1", out, into, 3)
    weights.norm(f"{name}.norm2", out)
    weights.layer(f"{name}.conv2", out, out, 3)
    if out != into:
        weights.layer(f"{name}.nin_shortcut", out, into, 1)


def _text(weights: Weights, sizes: Tiny) -> None:
    width = sizes.text_width
    weights.normal(f"{TEXT}embeddings.token_embedding.weight", sizes.vocabulary, width, std=0.5)
    weights.normal(f"{TEXT}embeddings.position_embedding.weight", 77, width, std=0.1)
    for layer in range(sizes.text_layers):
        name = f"{TEXT}encoder.layers.{layer}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            weights.layer(f"{name}.self_attn.{part}", width, width)
        weights.layer(f"{name}.mlp.fc1", width * 4, width)
        weights.layer(f"{name}.mlp.fc2", width, width * 4)
        weights.norm(f"{name}.layer_norm1", width)
        weights.norm(f"{name}.layer_norm2", width)
    weights.norm(f"{TEXT}final_layer_norm", width)
