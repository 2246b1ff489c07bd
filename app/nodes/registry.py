"""All built-in nodes by class type; the executor calls them, `make types` writes their declarations down."""

from importlib import import_module

from app.nodes.declare import NodeClass

_MODULES = (
    "attention_factors",
    "conditioning",
    "conditioning_pictures",
    "conditioning_places",
    "conditioning_sizes",
    "conditioning_texts",
    "controlnet",
    "custom_sampling",
    "gligen",
    "guidance",
    "guidance_variants",
    "guiders",
    "hypernetwork",
    "image_animation",
    "image_batch",
    "image_composite",
    "image_files",
    "image_filters",
    "image_size",
    "image_transform",
    "latent",
    "latent_batch",
    "latent_empty",
    "latent_files",
    "latent_mix",
    "latent_transform",
    "loaders",
    "lora",
    "mask",
    "mask_shapes",
    "merging",
    "model_patches",
    "model_sampling",
    "model_saving",
    "older_loaders",
    "primitives",
    "samplers",
    "sampling",
    "schedulers",
    "sigmas",
    "strings",
    "upscale",
    "vae",
    "vae_loading",
)
_WITHOUT_CODE = "other_families"
"""Goes first, so that a node with code wins over its mere declaration."""


def builtin_nodes() -> dict[str, NodeClass]:
    """Every built-in node class; importing them loads torch."""
    modules = (import_module(f"app.nodes.{name}") for name in (_WITHOUT_CODE, *_MODULES))
    return {each.schema.class_type: each for module in modules for each in module.NODES}
