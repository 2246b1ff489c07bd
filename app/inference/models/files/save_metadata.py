"""What a saved model says about itself: metadata and marker tensors that loaders recognise; for saving nodes.

The keys are those of the ModelSpec standard (Stability AI, sai_model_spec 1.0.0).
"""

import json
from collections.abc import Mapping

import torch

from app.inference.latents.format import StandardisedLatent
from app.inference.model_sampling import ModelSampling
from app.inference.model_sampling.continuous_levels import EdmLevels
from app.inference.model_sampling.discrete_levels import DiscreteLevels
from app.inference.model_sampling.predictions import NoisePrediction, VelocityPrediction
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.files.model_writer import TensorToWrite, ready
from app.inference.models.unet.shape import HEAD_WIDTH, SD1_HEADS, UNetShape
from app.inference.pictures.preview import SD1_PREVIEW, SDXL_PREVIEW


def model_metadata(model: DiffusionModel, title: str) -> dict[str, str]:
    """What the file tells about its diffusion model."""
    metadata: dict[str, str] = {}
    architecture = _architecture(model)
    if architecture is not None:
        metadata["modelspec.sai_model_spec"] = "1.0.0"
        metadata["modelspec.implementation"] = "sgm"
        metadata["modelspec.title"] = title
        metadata["modelspec.architecture"] = architecture
    predicts = _predicts(model.model_sampling)
    if predicts is not None:
        metadata["modelspec.predict_key"] = predicts
    return metadata | _own_metadata(model)


def marker_tensors(model: DiffusionModel) -> dict[str, TensorToWrite]:
    """Tensors without weights by whose names loaders tell how the model is sampled."""
    sampling, latent_format = model.model_sampling, model.latent_format
    levels = sampling.levels
    markers: dict[str, torch.Tensor] = {}
    if type(sampling.prediction) is VelocityPrediction and isinstance(levels, EdmLevels):
        lowest, highest = levels.sigma_range
        markers["edm_vpred.sigma_max"] = torch.tensor(highest)
        markers["edm_vpred.sigma_min"] = torch.tensor(lowest)
    elif _predicts(sampling) == "v":
        markers["v_pred"] = torch.zeros(0)
        if isinstance(levels, DiscreteLevels) and levels.zero_terminal_snr:
            markers["ztsnr"] = torch.zeros(0)
    if isinstance(latent_format, StandardisedLatent):
        markers["edm_mean"] = torch.tensor(latent_format.mean).reshape(1, -1, 1, 1)
        markers["edm_std"] = torch.tensor(latent_format.std).reshape(1, -1, 1, 1)
    return {name: ready(tensor) for name, tensor in markers.items()}


def documents(prompt: Mapping[str, object], extra: Mapping[str, object] | None) -> dict[str, str]:
    """The prompt, and each further document such as the workflow, as JSON."""
    return {name: json.dumps(each) for name, each in {"prompt": prompt, **(extra or {})}.items()}


def _architecture(model: DiffusionModel) -> str | None:
    match model.inputs.label, model.inputs.picture:
        case "sdxl", "edit":
            return "stable-diffusion-xl-v1-edit"
        case "sdxl", _:
            return "stable-diffusion-xl-v1-base"
        case "refiner", _:
            return "stable-diffusion-xl-v1-refiner"
        case _:
            return None


def _predicts(sampling: ModelSampling) -> str | None:
    if not isinstance(sampling.levels, DiscreteLevels):
        return None
    return {NoisePrediction: "epsilon", VelocityPrediction: "v"}.get(type(sampling.prediction))


def _own_metadata(model: DiffusionModel) -> dict[str, str]:
    """What tensors cannot tell and is not usual for the family: heads, and the colours of previews."""
    metadata = _heads(model.network.shape)
    colours = model.preview_factors
    if colours != (SD1_PREVIEW if model.inputs.label == "none" else SDXL_PREVIEW):
        metadata["cc.latent_rgb"] = json.dumps({"factors": colours.factors, "bias": colours.bias})
    return metadata


def _heads(shape: UNetShape) -> dict[str, str]:
    if not shape.linear:
        return {} if shape.heads[0] == SD1_HEADS else {"cc.num_heads": str(shape.heads[0])}
    width = shape.levels[-1].channels // shape.heads[-1]
    return {} if width == HEAD_WIDTH else {"cc.head_dim": str(width)}
