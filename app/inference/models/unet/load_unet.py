"""Loads the diffusion model of a checkpoint; called by `checkpoint.py`."""

import json
import logging
from collections.abc import Mapping

import torch
from torch import device as Device

from app.inference.memory.devices import compute_dtype
from app.inference.models.building import build
from app.inference.models.detect import Tensors
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.files.ldm_names import rename, unet_modules
from app.inference.models.files.model_file import ModelFile
from app.inference.models.files.scaled_fp8 import is_about_scaling
from app.inference.models.unet.family import unet_family
from app.inference.models.unet.shape import UNetShape, diffusers_config, unet_shape
from app.inference.models.unet.walk import UNet
from app.inference.pictures.preview import LatentRgb

logger = logging.getLogger(__name__)


def load_diffusion_model(
    file: ModelFile, prefix: str, device: Device, rounded_to: torch.dtype | None = None
) -> DiffusionModel:
    """Load the UNet that stands under `prefix`; raises WeightsDoNotFit or FamilyNotSupported.

    `rounded_to`: an 8-bit format to which all weights are rounded; computing stays in the device's.
    """
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    shape = unet_shape(file, prefix)
    family = unet_family(file, prefix, shape)
    dtype = compute_dtype(device)
    config = diffusers_config(shape)
    weights = build(
        lambda: UNet2DConditionModel(**config),
        file,
        _names(file.tensors, prefix, shape),
        part="diffusion model",
        device=device,
        dtype=dtype,
        rounded_to=rounded_to,
    )
    return DiffusionModel(
        network=UNet(weights, shape),
        model_sampling=family.model_sampling,
        latent_format=family.latent_format,
        preview_factors=_preview_factors(file.metadata, family.preview_factors),
        inputs=family.inputs,
    )


def _names(tensors: Tensors, prefix: str, shape: UNetShape) -> dict[str, str]:
    """The network's tensor names to the file's; tensors that belong to no module are left out."""
    modules = unet_modules(shape.levels)
    names: dict[str, str] = {}
    strangers: list[str] = []
    for stored in tensors:
        if stored.startswith(prefix):
            name = rename(stored.removeprefix(prefix), modules)
            if name is None and not is_about_scaling(stored):
                strangers.append(stored)
            elif name is not None:
                names[name] = stored
    if strangers and prefix == "model.diffusion_model.":
        logger.warning(
            "%d tensors of the diffusion model are not used, such as %s", len(strangers), strangers[0]
        )
    return names


def _preview_factors(metadata: Mapping[str, str], usual: LatentRgb) -> LatentRgb:
    """Preview colours that the file brings along, else those of its family."""
    text = metadata.get("cc.latent_rgb")
    if text is None:
        return usual
    try:
        return LatentRgb.from_json(json.loads(text))
    except (ValueError, TypeError, KeyError):
        logger.warning("The metadata cc.latent_rgb is not understood; the usual preview colours are used.")
        return usual
