"""Which layer of a network a LoRA file means: the names of every dialect in one table per network.

A dialect is a prefix, a layout (the original latent-diffusion code's or diffusers') and dots or underscores.
Compared in one spelling, with underscores only, any prefix goes with any layout.
"""

from collections.abc import Iterable, Mapping, Sequence

UNET_PREFIXES = ("lora_unet_", "lycoris_", "unet_", "diffusion_model_", "base_model_model_", "")
_SHARED_TEXT_PREFIXES = ("lycoris_", "base_model_model_", "")
_FIRST_TEXT_PREFIXES = ("lora_te_", "lora_te1_", "text_encoder_", *_SHARED_TEXT_PREFIXES)
_SECOND_TEXT_PREFIXES = ("lora_te2_", "text_encoder_2_")


def spelling(name: str) -> str:
    """A layer's name in the spelling that is compared: without dots and the words that some dialects add."""
    return name.replace(".", "_").replace("_processor_", "_").replace("_to_out_0", "_to_out")


def unet_layers(original_names: Mapping[str, str]) -> dict[str, str]:
    """Spellings of a UNet's layers, in both layouts, to the network's own names.

    `original_names` maps the network's tensor names to those of the original code.
    """
    layers: dict[str, str] = {}
    for tensor, original in original_names.items():
        layer = tensor.rpartition(".")[0]
        layers[spelling(layer)] = layers[spelling(original.rpartition(".")[0])] = layer
    return layers


def text_layers(tensors: Iterable[str]) -> dict[str, str]:
    """Spellings of a CLIP text encoder's layers to the network's own names."""
    layers: dict[str, str] = {}
    for tensor in tensors:
        layer = tensor.rpartition(".")[0]
        plain = spelling(layer).removeprefix("text_model_")
        layers[plain] = layers[f"text_model_{plain}"] = layer
    return layers


def text_prefixes(kind: str, *, second: bool) -> tuple[str, ...]:
    """Prefixes that mean the text encoder of a kind (`l`, `g`, `h`): the model's first, or its second."""
    names = _SECOND_TEXT_PREFIXES if second else _FIRST_TEXT_PREFIXES
    return (*names, f"text_encoders_clip_{kind}_transformer_")


def is_text_layer(name: str) -> bool:
    """Whether a file's name of a layer is one of a text encoder's."""
    return spelling(name).startswith(("lora_te", "text_encoder", "text_model", "lycoris_text_model"))


def find_layer(name: str, layers: Mapping[str, str], prefixes: Sequence[str]) -> str | None:
    """The network's name of the layer that a file calls `name`; None when it has no such layer."""
    spelled = spelling(name)
    for prefix in prefixes:
        if spelled.startswith(prefix):
            layer = layers.get(spelled.removeprefix(prefix))
            if layer is not None:
                return layer
    return None
