"""Tensor names of the original latent-diffusion code in terms of diffusers' names; used by the model loaders.

The correspondence is that of the two published architectures: the same layers counted in two ways.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}


@dataclass(frozen=True, kw_only=True)
class UNetLevel:
    """One resolution of a UNet: its width, residual blocks on the way down, transformer layers per block."""

    channels: int
    blocks: int
    depth: int


def unet_modules(levels: Sequence[UNetLevel]) -> dict[str, str]:
    """Prefixes of latent-diffusion names to prefixes of diffusers names for a UNet of these levels."""
    modules = {
        "time_embed.0": "time_embedding.linear_1",
        "time_embed.2": "time_embedding.linear_2",
        "label_emb.0.0": "add_embedding.linear_1",
        "label_emb.0.2": "add_embedding.linear_2",
        "input_blocks.0.0": "conv_in",
        "middle_block.1": "mid_block.attentions.0",
        "out.0": "conv_norm_out",
        "out.2": "conv_out",
    }
    modules.update(_resnet("middle_block.0", "mid_block.resnets.0"))
    modules.update(_resnet("middle_block.2", "mid_block.resnets.1"))
    modules.update(_down(levels))
    modules.update(_up(levels))
    return modules


def rename(name: str, modules: dict[str, str]) -> str | None:
    """The diffusers name of a tensor, or None when no module owns it."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        target = modules.get(".".join(parts[:end]))
        if target is not None:
            return ".".join([target, *parts[end:]])
    return None


def _down(levels: Sequence[UNetLevel]) -> Iterator[tuple[str, str]]:
    index = 1
    for number, level in enumerate(levels):
        for block in range(level.blocks):
            yield from _resnet(f"input_blocks.{index}.0", f"down_blocks.{number}.resnets.{block}")
            if level.depth:
                yield f"input_blocks.{index}.1", f"down_blocks.{number}.attentions.{block}"
            index += 1
        if number < len(levels) - 1:
            yield f"input_blocks.{index}.0.op", f"down_blocks.{number}.downsamplers.0.conv"
            index += 1


def _up(levels: Sequence[UNetLevel]) -> Iterator[tuple[str, str]]:
    index = 0
    for number, level in enumerate(reversed(levels)):
        for block in range(level.blocks + 1):
            yield from _resnet(f"output_blocks.{index}.0", f"up_blocks.{number}.resnets.{block}")
            if level.depth:
                yield f"output_blocks.{index}.1", f"up_blocks.{number}.attentions.{block}"
            if block == level.blocks and number < len(levels) - 1:
                slot = 2 if level.depth else 1
                yield f"output_blocks.{index}.{slot}.conv", f"up_blocks.{number}.upsamplers.0.conv"
            index += 1


def _resnet(ldm: str, diffusers: str) -> Iterator[tuple[str, str]]:
    for theirs, ours in _RESNET.items():
        yield f"{ldm}.{theirs}", f"{diffusers}.{ours}"


_VAE_PATTERNS = (
    (re.compile(r"^encoder\.down\.(\d+)\.block\."), r"encoder.down_blocks.\1.resnets."),
    (re.compile(r"^encoder\.down\.(\d+)\.downsample\."), r"encoder.down_blocks.\1.downsamplers.0."),
    (re.compile(r"\.mid\.block_1\."), ".mid_block.resnets.0."),
    (re.compile(r"\.mid\.block_2\."), ".mid_block.resnets.1."),
    (re.compile(r"\.mid\.attn_1\."), ".mid_block.attentions.0."),
    (re.compile(r"\.norm_out\."), ".conv_norm_out."),
    (re.compile(r"\.nin_shortcut\."), ".conv_shortcut."),
    (re.compile(r"(attentions\.0)\.(?:q|query)\."), r"\1.to_q."),
    (re.compile(r"(attentions\.0)\.(?:k|key)\."), r"\1.to_k."),
    (re.compile(r"(attentions\.0)\.(?:v|value)\."), r"\1.to_v."),
    (re.compile(r"(attentions\.0)\.(?:proj_out|proj_attn)\."), r"\1.to_out.0."),
    (re.compile(r"(attentions\.0)\.norm\."), r"\1.group_norm."),
)
_VAE_UP = re.compile(r"^decoder\.up\.(\d+)\.(block|upsample)\.")


def vae_name(name: str, levels: int) -> str:
    """The diffusers name of a VAE tensor; names that are diffusers' already stay. `levels`: resolutions."""
    up = _VAE_UP.match(name)
    if up:
        number, part = levels - 1 - int(up[1]), up[2]
        middle = "resnets." if part == "block" else "upsamplers.0."
        name = f"decoder.up_blocks.{number}.{middle}{name[up.end() :]}"
    for pattern, replacement in _VAE_PATTERNS:
        name = pattern.sub(replacement, name)
    return name


_VAE_ORIGINALS = (
    (re.compile(r"^encoder\.down_blocks\.(\d+)\.resnets\."), r"encoder.down.\1.block."),
    (re.compile(r"^encoder\.down_blocks\.(\d+)\.downsamplers\.0\."), r"encoder.down.\1.downsample."),
    (re.compile(r"\.mid_block\.resnets\.0\."), ".mid.block_1."),
    (re.compile(r"\.mid_block\.resnets\.1\."), ".mid.block_2."),
    (re.compile(r"\.mid_block\.attentions\.0\.group_norm\."), ".mid.attn_1.norm."),
    (re.compile(r"\.mid_block\.attentions\.0\.to_([qkv])\."), r".mid.attn_1.\1."),
    (re.compile(r"\.mid_block\.attentions\.0\.to_out\.0\."), ".mid.attn_1.proj_out."),
    (re.compile(r"\.conv_norm_out\."), ".norm_out."),
    (re.compile(r"\.conv_shortcut\."), ".nin_shortcut."),
)
_VAE_ORIGINAL_UP = re.compile(r"^decoder\.up_blocks\.(\d+)\.(resnets\.|upsamplers\.0\.)")


def original_vae_name(name: str, levels: int) -> str:
    """The original name of a VAE tensor of diffusers; the inverse of `vae_name`."""
    up = _VAE_ORIGINAL_UP.match(name)
    if up:
        part = "block." if up[2] == "resnets." else "upsample."
        name = f"decoder.up.{levels - 1 - int(up[1])}.{part}{name[up.end() :]}"
    for pattern, replacement in _VAE_ORIGINALS:
        name = pattern.sub(replacement, name)
    return name
