"""Recognises what a model file holds from tensor names and shapes alone; used by the loaders of this room.

No table of known sizes: a model of any width that has the layout of its family is accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.inference.models.detect_text import FoundTower, checkpoint_towers
from app.inference.models.errors import FamilyNotSupported, WrongModelKind
from app.inference.models.files.model_file import ModelFile, TensorInfo

Tensors = Mapping[str, TensorInfo]

_PREFIXES = ("model.diffusion_model.", "model.")
_PREFIX_MIN_KEYS = 5  # a prefix counts when more tensors than this have it
VAE_PREFIXES = ("first_stage_model.", "vae.")
UNET_MARKER = "input_blocks.0.0.weight"

_OTHER_MODELS: tuple[tuple[str, str], ...] = (
    ("joint_blocks.0.context_block.attn.qkv.weight", "a Stable Diffusion 3 model"),
    ("double_blocks.0.img_attn.norm.key_norm.scale", "a Flux model"),
    ("clf.1.weight", "a Stable Cascade model"),
    ("double_layers.0.attn.w1q.weight", "an AuraFlow model"),
    ("input_blocks.1.1.time_stack.0.norm1.weight", "a Stable Video Diffusion model"),
)
"""Tensors, named without prefix, that diffusion models of other families have."""

_OTHER_UNETS: tuple[tuple[str, str], ...] = (
    ("embedder.model.visual.", "an unCLIP model (a network that takes pictures as prompts)"),
    ("noise_augmentor.", "an unCLIP model (a network that takes pictures as prompts)"),
    ("low_scale_model.", "the Stable Diffusion x4 upscaler"),
    ("cc_projection.", "a Zero123 model"),
)
"""Beginnings of tensor names beside a UNet that make it one of another family."""

_OTHER_KINDS: tuple[tuple[str, str, str], ...] = (
    ("lora_", "LoRA", "Put it into models/loras and use Load LoRA."),
    ("base_model.model.", "LoRA", "Put it into models/loras and use Load LoRA."),
    ("control_model.", "ControlNet", "Put it into models/controlnet and use Load ControlNet Model."),
    (
        "controlnet_cond_embedding.",
        "ControlNet",
        "Put it into models/controlnet and use Load ControlNet Model.",
    ),
    ("input_hint_block.", "ControlNet", "Put it into models/controlnet and use Load ControlNet Model."),
    ("position_net.", "GLIGEN model", "Put it into models/gligen and use GLIGENLoader."),
    ("string_to_param.", "text embedding", "Put it into models/embeddings and write embedding:its name."),
    ("emb_params", "text embedding", "Put it into models/embeddings and write embedding:its name."),
    ("vision_model.", "image encoder", "Put it into models/clip_vision."),
    ("text_model.", "text encoder", "Put it into models/text_encoders and use Load CLIP."),
    ("encoder.block.", "T5 text encoder", "Models that need it cannot be run yet."),
    ("taesd_decoder.", "preview decoder (TAESD)", "Put it into models/vae_approx."),
    ("vquantizer.", "VAE of Stable Cascade (stage A)", "Stable Cascade cannot be run yet."),
    ("backbone.1.0.block.", "picture encoder of Stable Cascade", "Stable Cascade cannot be run yet."),
    ("blocks.24.", "previewer of Stable Cascade", "Stable Cascade cannot be run yet."),
    ("decoder.conv_in.", "VAE", "Put it into models/vae and use Load VAE."),
    ("double_blocks.", "Flux model", "Flux cannot be run yet."),
    (
        "down_blocks.",
        "diffusion model in diffusers' layout",
        "Put it into models/diffusion_models and use Load Diffusion Model.",
    ),
)
"""Beginnings of tensor names of other kinds of files, what they are, what to do with them."""


@dataclass(frozen=True, kw_only=True)
class CheckpointParts:
    """Where the parts of a checkpoint are; empty or None: the part is not in the file."""

    unet_prefix: str
    towers: tuple[FoundTower, ...]
    vae_prefix: str | None


def detect_checkpoint(file: ModelFile) -> CheckpointParts:
    """Find the parts; raises FamilyNotSupported or WrongModelKind with what the file seems to be."""
    return CheckpointParts(
        unet_prefix=unet_prefix(file, "checkpoint"),
        towers=checkpoint_towers(file.tensors),
        vae_prefix=vae_prefix(file.tensors),
    )


def unet_prefix(file: ModelFile, wanted: str) -> str:
    """What stands before a UNet's tensors; raises as `detect_checkpoint` for a file without a known UNet."""
    prefix = diffusion_prefix(file.tensors)
    refuse_other_families(file)
    if prefix + UNET_MARKER not in file.tensors:
        raise wrong_kind(file, wanted)
    for beginning, model in _OTHER_UNETS:
        if any(name.startswith(beginning) for name in file.tensors):
            raise unsupported(file, f"seems to be {model}")
    return prefix


def refuse_other_families(file: ModelFile) -> None:
    """Raise FamilyNotSupported for a diffusion model that is known by name only."""
    prefix = diffusion_prefix(file.tensors)
    for marker, model in _OTHER_MODELS:
        if prefix + marker in file.tensors:
            raise unsupported(file, f"seems to be {model}")


def diffusion_prefix(tensors: Tensors) -> str:
    """What stands before the names of the diffusion model."""
    for prefix in _PREFIXES:
        if sum(name.startswith(prefix) for name in tensors) > _PREFIX_MIN_KEYS:
            return prefix
    return ""


def vae_prefix(tensors: Tensors) -> str | None:
    """What stands before the names of the VAE; None when there is none."""
    for prefix in (*VAE_PREFIXES, ""):
        if f"{prefix}decoder.conv_in.weight" in tensors:
            return prefix
    return None


def wrong_kind(file: ModelFile, wanted: str) -> WrongModelKind:
    """The error for a file that is not what its loader wants."""
    for beginning, kind, remedy in _OTHER_KINDS:
        if any(name.startswith(beginning) for name in file.tensors):
            return WrongModelKind(file.path, f"is no {wanted}; it seems to be a {kind}", remedy)
    example = next(iter(file.tensors))
    return WrongModelKind(
        file.path,
        f"is no {wanted} that is known here (it has {len(file.tensors)} tensors, such as {example!r})",
        f"Choose another {wanted}.",
    )


def unsupported(file: ModelFile, what: str) -> FamilyNotSupported:
    """The error for a model of a family that is known by name only."""
    return FamilyNotSupported(
        file.path,
        f"{what}, which cannot be run yet",
        "Choose a model of Stable Diffusion 1, 2 or XL.",
    )
