"""Adds a LoRA file to a model and its text encoder; the LoRA nodes call it."""

from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.text_encoder import TextEncoder
from app.inference.patches.layer_names import UNET_PREFIXES, text_layers, text_prefixes, unet_layers
from app.inference.patches.lora_file import LoraFile
from app.inference.patches.lora_patch import Matches


def with_lora(
    model: DiffusionModel, text: TextEncoder, file: LoraFile, *, strength_model: float, strength_text: float
) -> tuple[DiffusionModel, TextEncoder]:
    """Model and text encoder with the file's changes; what belongs to neither is logged once."""
    matches = Matches(file=file)
    model = _on_model(model, matches, strength_model)
    networks = {}
    for number, (kind, network) in enumerate(text.networks.items()):
        weights = network.weights
        prefixes = text_prefixes(kind, second=number > 0)
        patch = matches.patch(weights, text_layers(weights.names), prefixes, strength_text)
        if patch is not None:
            networks[kind] = network.with_patches((patch,))
    matches.report(texts_wanted=True)
    return model, text.with_networks(networks)


def with_model_lora(model: DiffusionModel, file: LoraFile, *, strength: float) -> DiffusionModel:
    """The model with the file's changes of it; parts for text encoders are left out."""
    matches = Matches(file=file)
    model = _on_model(model, matches, strength)
    matches.report(texts_wanted=False)
    return model


def _on_model(model: DiffusionModel, matches: Matches, strength: float) -> DiffusionModel:
    unet = model.network
    patch = matches.patch(unet.weights, unet_layers(unet.original_names), UNET_PREFIXES, strength)
    return model if patch is None else model.with_patches((patch,))
