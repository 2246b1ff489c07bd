"""Finds the files of the parts in a model folder of diffusers; the node that loads such folders asks."""

from dataclasses import dataclass
from pathlib import Path

from app.inference.models.errors import FamilyNotSupported, ModelFileMissing

_NETWORK_FILES = (
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.bin",
    "diffusion_pytorch_model.bin",
)
_TEXT_FILES = ("model.fp16.safetensors", "model.safetensors", "pytorch_model.fp16.bin", "pytorch_model.bin")
_TEXT_FOLDERS = ("text_encoder", "text_encoder_2")
_OTHER_FAMILIES = ("transformer", "prior", "decoder")  # what stands in place of `unet` there


@dataclass(frozen=True, kw_only=True)
class DiffusersFolder:
    """One file for each part of a model; the text encoders in the order of their folders."""

    unet: Path
    text_encoders: tuple[Path, ...]
    vae: Path


def diffusers_folder(folder: Path) -> DiffusersFolder:
    """The files to load, half precision and safetensors first.

    Raises ModelFileMissing for a part that is not there, FamilyNotSupported for a model without UNet.
    """
    if not (folder / "unet").is_dir() and any((folder / name).is_dir() for name in _OTHER_FAMILIES):
        raise FamilyNotSupported(
            folder,
            "is a model of another family, without a UNet, which cannot be run yet",
            "Choose a model of Stable Diffusion 1, 2 or XL.",
        )
    present = [name for name in _TEXT_FOLDERS if (folder / name).is_dir()]
    return DiffusersFolder(
        unet=_first(folder / "unet", _NETWORK_FILES),
        text_encoders=tuple(_first(folder / name, _TEXT_FILES) for name in present or _TEXT_FOLDERS[:1]),
        vae=_first(folder / "vae", _NETWORK_FILES),
    )


def _first(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise ModelFileMissing(
        folder,
        f"is a part of the model that is not there: none of {', '.join(names)}",
        "Download the whole model folder again.",
    )
