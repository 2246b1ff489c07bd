"""Tells the families of Stable Diffusion UNets apart: what their output means, what else they take.

`load_unet.py` asks. No size is looked up: layout, marker tensors and the relations between widths decide.
"""

from dataclasses import dataclass
from typing import Literal

from app.inference.latents.format import PLAYGROUND_LATENT, SD1_LATENT, SDXL_LATENT, SDXL_SCALE, LatentFormat
from app.inference.model_sampling import ModelSampling
from app.inference.model_sampling.families import continuous, discrete
from app.inference.models.detect import unsupported
from app.inference.models.files.model_file import ModelFile
from app.inference.models.unet.inputs import UNetInputs
from app.inference.models.unet.shape import SINUSOID, UNetShape
from app.inference.pictures.preview import SD1_PREVIEW, SDXL_PREVIEW, LatentRgb

SDXL_NUMBERS, REFINER_NUMBERS = 6, 5  # in the label vector beside the pooled text; Podell et al. 2023
V_BIAS_STD = 0.09  # one bias tensor of SD 2 models tells by its spread whether they predict velocity
PLAYGROUND_SIGMA_MIN, PLAYGROUND_SIGMA_MAX = 0.002, 80.0  # Li et al. 2024, Playground v2.5, section 2.1
LATENT_CHANNELS = 4


@dataclass(frozen=True, kw_only=True)
class UNetFamily:
    """How a UNet of this family is sampled and shown, and what it takes."""

    model_sampling: ModelSampling
    latent_format: LatentFormat
    preview_factors: LatentRgb
    inputs: UNetInputs


def unet_family(file: ModelFile, prefix: str, shape: UNetShape) -> UNetFamily:
    """The family of the UNet under `prefix`; raises FamilyNotSupported."""
    if shape.label_width is None:
        return UNetFamily(
            model_sampling=_sd_sampling(file, prefix, shape),
            latent_format=SD1_LATENT,
            preview_factors=SD1_PREVIEW,
            inputs=UNetInputs(picture=_picture(file, shape)),
        )
    playground = (
        _marker(file, prefix, "edm_mean") is not None and _marker(file, prefix, "edm_std") is not None
    )
    cosxl = _marker(file, prefix, "edm_vpred.sigma_max") is not None
    return UNetFamily(
        model_sampling=_playground_sampling() if playground else _sdxl_sampling(file, prefix),
        latent_format=PLAYGROUND_LATENT if playground else SDXL_LATENT,
        preview_factors=SDXL_PREVIEW,
        inputs=UNetInputs(
            label=_label(file, shape, shape.label_width),
            picture=_picture(file, shape),
            edit_scale=SDXL_SCALE if cosxl else 1.0,
        ),
    )


def _sd_sampling(file: ModelFile, prefix: str, shape: UNetShape) -> ModelSampling:
    """Noise prediction; Stable Diffusion 2 without further channels may predict velocity."""
    name = _v_bias(file, prefix)
    if shape.linear and shape.in_channels == LATENT_CHANNELS and name is not None:
        ((_, bias),) = file.read([name])
        if bias.float().std(correction=0).item() > V_BIAS_STD:
            return discrete("v_prediction")
    return discrete()


def _v_bias(file: ModelFile, prefix: str) -> str | None:
    """The bias that tells: that of the last transformer on the way up."""
    ends = ".1.transformer_blocks.0.norm1.bias"
    beginning = f"{prefix}output_blocks."
    names = [name for name in file.tensors if name.startswith(beginning) and name.endswith(ends)]
    return max(names, key=lambda name: int(name[len(beginning) : -len(ends)]), default=None)


def _sdxl_sampling(file: ModelFile, prefix: str) -> ModelSampling:
    highest, lowest = (_marker(file, prefix, f"edm_vpred.sigma_{end}") for end in ("max", "min"))
    if highest is not None:
        return continuous(
            "v_prediction",
            sigma_min=_number(file, lowest, PLAYGROUND_SIGMA_MIN),
            sigma_max=_number(file, highest, PLAYGROUND_SIGMA_MAX),
        )
    if _marker(file, prefix, "v_pred") is not None:
        return discrete("v_prediction", zero_terminal_snr=_marker(file, prefix, "ztsnr") is not None)
    return discrete()


def _playground_sampling() -> ModelSampling:
    return continuous("edm", sigma_min=PLAYGROUND_SIGMA_MIN, sigma_max=PLAYGROUND_SIGMA_MAX)


def _label(file: ModelFile, shape: UNetShape, width: int) -> Literal["sdxl", "refiner"]:
    """What the label vector holds: the refiner attends to one text tower, whose pooled vector is as wide."""
    if shape.levels[0].depth == 0:
        if width - REFINER_NUMBERS * SINUSOID == shape.context_width:
            return "refiner"
        if 0 < width - SDXL_NUMBERS * SINUSOID < shape.context_width:
            return "sdxl"
    raise unsupported(
        file, f"seems to be an unCLIP or other model with a vector of {width} numbers beside the text"
    )


def _picture(file: ModelFile, shape: UNetShape) -> Literal["none", "inpaint", "edit"]:
    if shape.out_channels == LATENT_CHANNELS:
        match shape.in_channels:
            case 4:
                return "none"
            case 9:
                return "inpaint"
            case 8:
                return "edit"
            case _:
                pass
    raise unsupported(
        file,
        f"seems to be a special model (its network takes {shape.in_channels} channels and gives "
        f"{shape.out_channels})",
    )


def _marker(file: ModelFile, prefix: str, name: str) -> str | None:
    """The tensor of this name, with or without the prefix."""
    return next((each for each in (name, prefix + name) if each in file.tensors), None)


def _number(file: ModelFile, name: str | None, default: float) -> float:
    if name is None:
        return default
    ((_, tensor),) = file.read([name])
    return tensor.float().flatten()[0].item() if tensor.numel() else default
