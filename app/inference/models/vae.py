"""The VAE of a checkpoint or a file of its own: its shape, loading, and pictures to latents and back."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch import device as Device

from app.inference.images import Image
from app.inference.models.building import build
from app.inference.models.detect import Tensors
from app.inference.models.errors import FamilyNotSupported, WeightsDoNotFit
from app.inference.models.ldm_names import vae_name
from app.inference.models.model_file import ModelFile
from app.inference.models.weights import PatchedWeights
from app.inference.types import Latent

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

_LEVEL = re.compile(r"(?:encoder\.down|encoder\.down_blocks)\.(\d+)\.")


@dataclass(frozen=True, kw_only=True)
class VaeShape:
    """Widths from the picture side inwards, residual blocks per level, latent channels."""

    widths: tuple[int, ...]
    blocks: int
    latent_channels: int
    quant_convs: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Vae:
    """Turns pictures into stored latents and back."""

    weights: "PatchedWeights[AutoencoderKL]"
    shape: VaeShape
    device: Device
    dtype: torch.dtype

    @property
    def network(self) -> "AutoencoderKL":
        """The module whose tensors `weights` holds."""
        return self.weights.network

    @property
    def ratio(self) -> int:
        """Pixels per latent cell along one side; 8 in Stable Diffusion 1."""
        return 2 ** (len(self.shape.widths) - 1)

    @torch.no_grad()
    def encode(self, image: Image) -> Latent:
        """Stored latent float32 [B, C, H/8, W/8] of the pictures' first three channels.

        Sides are cropped around the centre to multiples of `ratio`; the mode of the posterior is taken, so
        the result has no chance in it. Raises ValueError when a side is shorter than `ratio`.
        """
        pixels = _crop(image[..., :3], self.ratio).movedim(-1, 1) * 2 - 1
        parts = [self._encode_one(pixels[i : i + 1]) for i in range(pixels.shape[0])]
        return torch.cat(parts)

    @torch.no_grad()
    def decode(self, latent: Latent) -> Image:
        """Pictures float32 [B, H, W, 3], 0..1, on the CPU, of stored latents."""
        if latent.shape[1] != self.shape.latent_channels:
            raise ValueError(
                f"The latent has {latent.shape[1]} channels but this VAE decodes "
                f"{self.shape.latent_channels}: use the VAE that belongs to the model."
            )
        parts = [self._decode_one(latent[i : i + 1]) for i in range(latent.shape[0])]
        return torch.cat(parts)

    def _encode_one(self, pixels: Tensor) -> Latent:
        posterior = self.network.encode(pixels.to(self.device, self.dtype), return_dict=False)[0]
        return posterior.mode().float().cpu()

    def _decode_one(self, latent: Latent) -> Image:
        stored: Any = latent.to(self.device, self.dtype)  # diffusers declares a float32 CPU type
        decoded: Tensor = self.network.decode(stored, return_dict=False)[0]
        return decoded.float().add_(1).div_(2).clamp_(0, 1).movedim(1, -1).cpu()


def load_vae(file: ModelFile, prefix: str, device: Device) -> Vae:
    """Load the VAE that stands under `prefix`; raises WeightsDoNotFit or FamilyNotSupported."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    names = _names(file.tensors, prefix)
    shape = vae_shape(file, names)
    dtype = torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    config = diffusers_config(shape)
    weights = build(lambda: AutoencoderKL(**config), file, names, part="VAE", device=device, dtype=dtype)
    return Vae(weights=weights, shape=shape, device=device, dtype=dtype)


def diffusers_config(shape: VaeShape) -> dict[str, Any]:
    """Arguments of `AutoencoderKL` for a VAE of this shape."""
    levels = len(shape.widths)
    return {
        "block_out_channels": shape.widths,
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "layers_per_block": shape.blocks,
        "latent_channels": shape.latent_channels,
        "norm_num_groups": 32,
        "use_quant_conv": shape.quant_convs,
        "use_post_quant_conv": shape.quant_convs,
    }


def vae_shape(file: ModelFile, names: dict[str, str]) -> VaeShape:
    """Read a VAE's shape off its tensors; `names` maps diffusers' names to the file's."""

    def dimension(name: str, axis: int) -> int:
        if name not in names:
            raise WeightsDoNotFit(file.path, f"lacks {name} in its VAE", "Choose another file.")
        return file.tensors[names[name]].shape[axis]

    levels = _count(names, "encoder.down_blocks.{}.resnets.0.conv2.weight")
    if len(file.tensors[names["decoder.conv_in.weight"]].shape) != 4:
        raise FamilyNotSupported(
            file.path, "holds a VAE for video, which cannot be run yet", "Choose another."
        )
    return VaeShape(
        widths=tuple(
            dimension(f"encoder.down_blocks.{level}.resnets.0.conv2.weight", 0) for level in range(levels)
        ),
        blocks=_count(names, "encoder.down_blocks.0.resnets.{}.conv2.weight"),
        latent_channels=dimension("decoder.conv_in.weight", 1),
        quant_convs="quant_conv.weight" in names,
    )


def _names(tensors: Tensors, prefix: str) -> dict[str, str]:
    stored = [name.removeprefix(prefix) for name in tensors if name.startswith(prefix)]
    numbers = [int(found[1]) for name in stored if (found := _LEVEL.match(name))]
    levels = max(numbers, default=0) + 1
    return {vae_name(name, levels): prefix + name for name in stored}


def _count(names: dict[str, str], pattern: str) -> int:
    number = 0
    while pattern.format(number) in names:
        number += 1
    return number


def _crop(image: Image, ratio: int) -> Image:
    """Cut both sides to multiples of `ratio`, the same on both ends."""
    height, width = image.shape[1:3]
    if min(height, width) < ratio:
        raise ValueError(f"The picture is {width}x{height} pixels; each side needs at least {ratio}.")
    top, left = height % ratio // 2, width % ratio // 2
    return image[:, top : top + height // ratio * ratio, left : left + width // ratio * ratio]
