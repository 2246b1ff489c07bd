"""Reads the shape of a UNet off the tensors of a checkpoint, and says it in diffusers' words."""

from dataclasses import dataclass
from typing import Any

from app.inference.models.detect import Tensors
from app.inference.models.errors import WeightsDoNotFit
from app.inference.models.files.ldm_names import UNetLevel
from app.inference.models.files.model_file import ModelFile

# Attention heads are not visible in tensor shapes (Rombach et al. 2022, table 14; releases of SD 2 and XL):
SD1_HEADS = 8  # at every level, where tokens are made by 1x1 convolutions
HEAD_WIDTH = 64  # at every level, where tokens are made by linear layers
SINUSOID = 256  # numbers per told size


@dataclass(frozen=True, kw_only=True)
class UNetShape:
    """Everything about a UNet that its tensors tell, and the number of heads per level, which they do not.

    `linear`: tokens are made by linear layers rather than 1x1 convolutions. `label_width` is that of the
    vector added to the time embedding, None where there is none.
    """

    in_channels: int
    out_channels: int
    context_width: int
    middle_depth: int
    heads: tuple[int, ...]
    levels: tuple[UNetLevel, ...]
    linear: bool = False
    label_width: int | None = None

    @property
    def width(self) -> int:
        """Channels at full resolution; the inner levels have multiples of them."""
        return self.levels[0].channels


def unet_shape(file: ModelFile, prefix: str) -> UNetShape:
    """Read a UNet's shape off its tensors; raises WeightsDoNotFit when the blocks make no UNet."""
    tensors = file.tensors
    levels = unet_levels(file, prefix)
    context = _context_width(tensors, prefix)
    projection = tensors.get(f"{prefix}middle_block.1.proj_in.weight")
    if context is None or projection is None or f"{prefix}out.2.weight" not in tensors:
        raise WeightsDoNotFit(
            file.path, "has a diffusion model without text attention or output", "Choose another checkpoint."
        )
    linear = len(projection.shape) == 2
    return UNetShape(
        in_channels=tensors[f"{prefix}input_blocks.0.0.weight"].shape[1],
        out_channels=tensors[f"{prefix}out.2.weight"].shape[0],
        context_width=context,
        middle_depth=_depth(tensors, f"{prefix}middle_block.1."),
        heads=_heads(file, levels, linear=linear),
        levels=levels,
        linear=linear,
        label_width=_label_width(tensors, prefix),
    )


def diffusers_config(shape: UNetShape) -> dict[str, Any]:
    """Arguments of `UNet2DConditionModel` for a UNet of this shape."""
    levels = shape.levels
    attending = [level.depth > 0 for level in levels]
    depths = [level.depth or 1 for level in levels]
    depths[-1] = shape.middle_depth  # diffusers sizes the middle block by the last entry
    config: dict[str, Any] = {
        "in_channels": shape.in_channels,
        "out_channels": shape.out_channels,
        "block_out_channels": tuple(level.channels for level in levels),
        "layers_per_block": tuple(level.blocks for level in levels),
        "down_block_types": tuple("CrossAttnDownBlock2D" if each else "DownBlock2D" for each in attending),
        "up_block_types": tuple("CrossAttnUpBlock2D" if each else "UpBlock2D" for each in attending[::-1]),
        "transformer_layers_per_block": tuple(depths),
        "cross_attention_dim": shape.context_width,
        "attention_head_dim": shape.heads,  # diffusers' name for what it uses as the number of heads
        "use_linear_projection": shape.linear,
        "norm_num_groups": 32,
    }
    if shape.label_width is not None:
        config["addition_embed_type"] = "text_time"
        config["addition_time_embed_dim"] = SINUSOID
        config["projection_class_embeddings_input_dim"] = shape.label_width
    return config


def unet_levels(file: ModelFile, prefix: str) -> tuple[UNetLevel, ...]:
    """The resolutions of a UNet's or a ControlNet's way down, in the original layout.

    Raises WeightsDoNotFit when blocks of one resolution differ.
    """
    tensors = file.tensors
    levels: list[UNetLevel] = []
    blocks: list[tuple[int, int]] = []  # (channels, depth) of the level being walked
    index = 1
    while True:
        block = f"{prefix}input_blocks.{index}."
        if f"{block}0.out_layers.3.weight" in tensors:
            channels = tensors[f"{block}0.out_layers.3.weight"].shape[0]
            blocks.append((channels, _depth(tensors, f"{block}1.")))
        else:
            levels.append(_level(file, blocks))
            blocks = []
            if f"{block}0.op.weight" not in tensors:
                return tuple(levels)
        index += 1


def _level(file: ModelFile, blocks: list[tuple[int, int]]) -> UNetLevel:
    if len(set(blocks)) != 1:
        raise WeightsDoNotFit(
            file.path,
            "has a diffusion model whose blocks differ within one resolution",
            "This layout cannot be run yet.",
        )
    channels, depth = blocks[0]
    return UNetLevel(channels=channels, blocks=len(blocks), depth=depth)


def _depth(tensors: Tensors, prefix: str) -> int:
    """Number of transformer layers under `prefix`."""
    depth = 0
    while f"{prefix}transformer_blocks.{depth}.norm1.weight" in tensors:
        depth += 1
    return depth


def _context_width(tensors: Tensors, prefix: str) -> int | None:
    name = f"{prefix}middle_block.1.transformer_blocks.0.attn2.to_k.weight"
    return tensors[name].shape[1] if name in tensors else None


def _label_width(tensors: Tensors, prefix: str) -> int | None:
    info = tensors.get(f"{prefix}label_emb.0.0.weight")
    return None if info is None else info.shape[1]


def _heads(file: ModelFile, levels: tuple[UNetLevel, ...], *, linear: bool) -> tuple[int, ...]:
    """Heads per level by the rule of the layout, or as the file's metadata say."""
    if not linear or "cc.num_heads" in file.metadata:
        return (_metadata_number(file, "cc.num_heads", SD1_HEADS),) * len(levels)
    width = _metadata_number(file, "cc.head_dim", HEAD_WIDTH)
    return tuple(max(1, level.channels // width) for level in levels)


def _metadata_number(file: ModelFile, name: str, default: int) -> int:
    text = file.metadata.get(name, str(default))
    if not text.isdecimal() or not 0 < int(text) <= 1024:
        raise WeightsDoNotFit(
            file.path, f"has the metadata {name}={text!r}", "Correct it to a whole number above 0."
        )
    return int(text)
