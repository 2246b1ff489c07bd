"""What can be chosen as VAE: files, tiny autoencoders of two files each, none at all; menu and loader ask."""

from pathlib import PurePosixPath
from typing import Literal

from app.files.model_folders import ModelFolders

TINY_VAES = ("taesd", "taesdxl", "taesd3", "taef1")
"""Tiny autoencoders, by the name that their files in vae_approx begin with."""

PIXEL_SPACE = "pixel_space"
"""For models that work on pixels."""


def vae_choices(models: ModelFolders) -> list[str]:
    """The files of `vae`, the tiny autoencoders that are there, and `pixel_space`."""
    tiny = [name for name in TINY_VAES if _is_complete(models, name)]
    return [*models.list("vae"), *tiny, PIXEL_SPACE]


def offers_vae(models: ModelFolders, name: str) -> bool:
    """Whether `name` is among `vae_choices`, without listing the files of `vae`."""
    return (
        name == PIXEL_SPACE
        or (name in TINY_VAES and _is_complete(models, name))
        or models.offers("vae", name)
    )


def tiny_vae_file(models: ModelFolders, name: str, part: Literal["encoder", "decoder"]) -> str | None:
    """The name in vae_approx of one half of a tiny autoencoder; safetensors files go before pickled ones."""
    stem = f"{name}_{part}"
    found = [each for each in models.list("vae_approx") if PurePosixPath(each).stem == stem]
    return min(found, key=lambda each: not each.endswith(".safetensors"), default=None)


def _is_complete(models: ModelFolders, name: str) -> bool:
    return (
        tiny_vae_file(models, name, "encoder") is not None
        and tiny_vae_file(models, name, "decoder") is not None
    )
