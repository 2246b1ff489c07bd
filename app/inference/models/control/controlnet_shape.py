"""Reads the shape of a ControlNet off its tensors in diffusers' names; `load_controlnet.py` asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.inference.models.errors import WeightsDoNotFit
from app.inference.models.files.ldm_names import UNetLevel
from app.inference.models.files.model_file import ModelFile
from app.inference.models.unet.shape import HEAD_WIDTH, SD1_HEADS, UNetShape, diffusers_config

HINT = "controlnet_cond_embedding"


@dataclass(frozen=True, kw_only=True)
class ControlNetShape:
    """Everything about a ControlNet that its tensors tell, and the number of heads, which they do not.

    `unet` is the shape of the UNet whose encoder it copies. `hint_channels` are those of the picture,
    `hint_widths` the widths of the network that reduces it to the latent's size. A net without attention has
    no `middle_attention`.
    """

    unet: UNetShape
    hint_channels: int
    hint_widths: tuple[int, ...]
    middle_attention: bool = True

    @property
    def context_width(self) -> int | None:
        """Width of the text states it attends to; None when it attends to none."""
        return self.unet.context_width if self.middle_attention else None


def controlnet_shape(file: ModelFile, names: Mapping[str, str]) -> ControlNetShape:
    """Read the shape; `names` maps diffusers' tensor names to the file's. Raises WeightsDoNotFit."""
    return _Reader(file, names).shape()


def controlnet_config(shape: ControlNetShape) -> dict[str, Any]:
    """Arguments of diffusers' `ControlNetModel` for a net of this shape."""
    config = diffusers_config(shape.unet)
    del config["out_channels"], config["up_block_types"]
    return {
        **config,
        "layers_per_block": shape.unet.levels[0].blocks,
        "conditioning_channels": shape.hint_channels,
        "conditioning_embedding_out_channels": shape.hint_widths,
        "mid_block_type": "UNetMidBlock2DCrossAttn" if shape.middle_attention else "UNetMidBlock2D",
    }


@dataclass(frozen=True)
class _Reader:
    file: ModelFile
    names: Mapping[str, str]

    def shape(self) -> ControlNetShape:
        levels = self._levels()
        middle = "mid_block.attentions.0."
        depth = self._count(middle + "transformer_blocks.{}.norm1.weight")
        linear = depth > 0 and len(self._shape(middle + "proj_in.weight")) == 2
        label = "add_embedding.linear_1.weight"
        unet = UNetShape(
            in_channels=self._shape("conv_in.weight")[1],
            out_channels=self._shape("conv_in.weight")[1],
            context_width=self._shape(middle + "transformer_blocks.0.attn2.to_k.weight")[1] if depth else 0,
            middle_depth=depth or 1,
            heads=tuple(max(1, each.channels // HEAD_WIDTH) if linear else SD1_HEADS for each in levels),
            levels=levels,
            linear=linear,
            label_width=self._shape(label)[1] if label in self.names else None,
        )
        return ControlNetShape(
            unet=unet,
            hint_channels=self._shape(f"{HINT}.conv_in.weight")[1],
            hint_widths=self._hint_widths(),
            middle_attention=depth > 0,
        )

    def _levels(self) -> tuple[UNetLevel, ...]:
        levels = tuple(
            UNetLevel(
                channels=self._shape(f"down_blocks.{level}.resnets.0.conv1.weight")[0],
                blocks=self._count(f"down_blocks.{level}.resnets.{{}}.conv1.weight"),
                depth=self._count(f"down_blocks.{level}.attentions.0.transformer_blocks.{{}}.norm1.weight"),
            )
            for level in range(self._count("down_blocks.{}.resnets.0.conv1.weight"))
        )
        if len({each.blocks for each in levels}) != 1:
            raise WeightsDoNotFit(
                self.file.path,
                "has a ControlNet with different numbers of blocks per resolution, or none",
                "This layout cannot be run yet.",
            )
        return levels

    def _hint_widths(self) -> tuple[int, ...]:
        first = self._shape(f"{HINT}.conv_in.weight")[0]
        steps = self._count(f"{HINT}.blocks.{{}}.weight") // 2
        return (first, *(self._shape(f"{HINT}.blocks.{2 * step + 1}.weight")[0] for step in range(steps)))

    def _count(self, pattern: str) -> int:
        number = 0
        while pattern.format(number) in self.names:
            number += 1
        return number

    def _shape(self, name: str) -> tuple[int, ...]:
        if name not in self.names:
            raise WeightsDoNotFit(
                self.file.path, f"lacks {name} in its ControlNet", "It may be an incomplete export."
            )
        return self.file.tensors[self.names[name]].shape
