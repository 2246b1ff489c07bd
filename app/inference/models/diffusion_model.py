"""The diffusion model of a checkpoint: its UNet's shape, loading, and the denoiser that samplers ask."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch import device as Device

from app.inference.devices import compute_dtype
from app.inference.latent_format import SD1_LATENT, LatentFormat
from app.inference.model_sampling import EpsSampling, ModelSampling
from app.inference.models.building import build
from app.inference.models.detect import Tensors
from app.inference.models.errors import WeightsDoNotFit
from app.inference.models.ldm_names import UNetLevel, rename, unet_modules
from app.inference.models.model_file import ModelFile
from app.inference.preview import SD1_PREVIEW, LatentRgb
from app.inference.types import Latent, Sigma, Tokens

if TYPE_CHECKING:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

logger = logging.getLogger(__name__)

SD1_HEADS = 8  # attention heads at every level; not visible in tensor shapes


@dataclass(frozen=True, kw_only=True)
class UNetShape:
    """Everything about a UNet that its tensors tell, and the number of heads, which they do not."""

    in_channels: int
    out_channels: int
    context_width: int
    middle_depth: int
    heads: int
    levels: tuple[UNetLevel, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class DiffusionModel:
    """A UNet with the meaning of its output; implements `Denoiser`."""

    unet: "UNet2DConditionModel"
    shape: UNetShape
    model_sampling: ModelSampling
    latent_format: LatentFormat
    preview_factors: LatentRgb
    device: Device
    dtype: torch.dtype

    @property
    def channels(self) -> int:
        """Latent channels."""
        return self.shape.in_channels

    @property
    def context_width(self) -> int:
        """Width of the text states that the network attends to."""
        return self.shape.context_width

    @torch.no_grad()
    def denoise(self, x: Latent, sigma: Sigma, context: Tokens) -> Latent:
        """Predict the picture without noise.

        `x` float32 [B, channels, h8, w8] in model space, `sigma` float32 scalar > 0, `context` float32
        [B, tokens, width]. Returns float32 of the shape of `x`. Raises ValueError when the context has
        another width than the network's cross-attention.
        """
        if context.shape[-1] != self.context_width:
            raise ValueError(
                f"The text states are {context.shape[-1]} wide but this model attends to "
                f"{self.context_width}: use the text encoder that belongs to the model."
            )
        sampling = self.model_sampling
        timesteps = sampling.timestep(sigma).expand(x.shape[0])
        scaled = sampling.network_input(x, sigma).to(self.dtype)
        with torch.inference_mode():
            output: Tensor = self.unet(scaled, timesteps, context.to(self.dtype), return_dict=False)[0]
        return sampling.denoised(x, sigma, output.float())


def load_diffusion_model(file: ModelFile, prefix: str, device: Device) -> DiffusionModel:
    """Load the UNet that stands under `prefix` of a Stable Diffusion 1 checkpoint; raises WeightsDoNotFit."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    shape = unet_shape(file, prefix)
    dtype = compute_dtype(device, file.tensors[f"{prefix}input_blocks.0.0.weight"].dtype)
    config = diffusers_config(shape)
    unet = build(
        lambda: UNet2DConditionModel(**config),
        file,
        _names(file.tensors, prefix, shape),
        part="diffusion model",
        device=device,
        dtype=dtype,
    )
    return DiffusionModel(
        unet=unet,
        shape=shape,
        model_sampling=EpsSampling(),
        latent_format=SD1_LATENT,
        preview_factors=_preview_factors(file.metadata),
        device=device,
        dtype=dtype,
    )


def unet_shape(file: ModelFile, prefix: str) -> UNetShape:
    """Read a UNet's shape off its tensors; raises WeightsDoNotFit when the blocks make no UNet."""
    tensors = file.tensors
    levels = _levels(file, prefix)
    context = _context_width(tensors, prefix)
    if context is None or f"{prefix}out.2.weight" not in tensors:
        raise WeightsDoNotFit(
            file.path, "has a diffusion model without text attention or output", "Choose another checkpoint."
        )
    return UNetShape(
        in_channels=tensors[f"{prefix}input_blocks.0.0.weight"].shape[1],
        out_channels=tensors[f"{prefix}out.2.weight"].shape[0],
        context_width=context,
        middle_depth=_depth(tensors, f"{prefix}middle_block.1."),
        heads=_heads(file),
        levels=levels,
    )


def diffusers_config(shape: UNetShape) -> dict[str, Any]:
    """Arguments of `UNet2DConditionModel` for a UNet of this shape."""
    levels = shape.levels
    attending = [level.depth > 0 for level in levels]
    depths = [level.depth or 1 for level in levels]
    depths[-1] = shape.middle_depth  # diffusers sizes the middle block by the last entry
    return {
        "in_channels": shape.in_channels,
        "out_channels": shape.out_channels,
        "block_out_channels": tuple(level.channels for level in levels),
        "layers_per_block": tuple(level.blocks for level in levels),
        "down_block_types": tuple("CrossAttnDownBlock2D" if each else "DownBlock2D" for each in attending),
        "up_block_types": tuple("CrossAttnUpBlock2D" if each else "UpBlock2D" for each in attending[::-1]),
        "transformer_layers_per_block": tuple(depths),
        "cross_attention_dim": shape.context_width,
        "attention_head_dim": shape.heads,  # diffusers' name for what it uses as the number of heads
        "norm_num_groups": 32,
    }


def _levels(file: ModelFile, prefix: str) -> tuple[UNetLevel, ...]:
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


def _heads(file: ModelFile) -> int:
    text = file.metadata.get("cc.num_heads", str(SD1_HEADS))
    if not text.isdecimal() or not 0 < int(text) <= 1024:
        raise WeightsDoNotFit(
            file.path, f"has the metadata cc.num_heads={text!r}", "Correct it to a whole number above 0."
        )
    return int(text)


def _names(tensors: Tensors, prefix: str, shape: UNetShape) -> dict[str, str]:
    """The network's tensor names to the file's; tensors that belong to no module are left out."""
    modules = unet_modules(shape.levels)
    names: dict[str, str] = {}
    strangers: list[str] = []
    for stored in tensors:
        if stored.startswith(prefix) and not stored.startswith(("model_ema.", "first_stage_model.")):
            name = rename(stored.removeprefix(prefix), modules)
            if name is None:
                strangers.append(stored)
            else:
                names[name] = stored
    if strangers and prefix == "model.diffusion_model.":
        logger.warning(
            "%d tensors of the diffusion model are not used, such as %s", len(strangers), strangers[0]
        )
    return names


def _preview_factors(metadata: Mapping[str, str]) -> LatentRgb:
    """Preview colours that the file brings along, else those of its family."""
    text = metadata.get("cc.latent_rgb")
    if text is None:
        return SD1_PREVIEW
    try:
        return LatentRgb.from_json(json.loads(text))
    except (ValueError, TypeError, KeyError):
        logger.warning("The metadata cc.latent_rgb is not understood; the usual preview colours are used.")
        return SD1_PREVIEW
