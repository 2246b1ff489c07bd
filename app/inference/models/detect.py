"""Recognises what a model file holds from tensor names and shapes alone; used by `checkpoint.py`.

No table of known sizes: a model of any width that has the layout of its family is accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.inference.models.errors import FamilyNotSupported, WrongModelKind
from app.inference.models.model_file import ModelFile, TensorInfo

Tensors = Mapping[str, TensorInfo]

_PREFIXES = ("model.diffusion_model.", "model.")
_PREFIX_MIN_KEYS = 5  # a prefix counts when more tensors than this have it

VAE_PREFIXES = ("first_stage_model.", "vae.")
SD1_TEXT_PREFIX = "cond_stage_model.transformer."

_FAMILY_MARKERS: tuple[tuple[str, str], ...] = (
    ("joint_blocks.0.context_block.attn.qkv.weight", "Stable Diffusion 3"),
    ("double_blocks.0.img_attn.norm.key_norm.scale", "Flux"),
    ("clf.1.weight", "Stable Cascade"),
)
_OTHER_KINDS: tuple[tuple[str, str, str], ...] = (
    ("lora_", "LoRA", "Put it into models/loras."),
    ("base_model.model.", "LoRA", "Put it into models/loras."),
    ("control_model.", "ControlNet", "Put it into models/controlnet."),
    ("controlnet_cond_embedding.", "ControlNet", "Put it into models/controlnet."),
    ("input_hint_block.", "ControlNet", "Put it into models/controlnet."),
    ("string_to_param.", "text embedding", "Put it into models/embeddings."),
    ("emb_params", "text embedding", "Put it into models/embeddings."),
    ("text_model.", "text encoder", "Put it into models/text_encoders and use Load CLIP."),
    ("encoder.block.", "T5 text encoder", "Put it into models/text_encoders."),
    ("decoder.conv_in.", "VAE", "Put it into models/vae and use Load VAE."),
    ("vision_model.", "image encoder", "Put it into models/clip_vision."),
    ("down_blocks.", "diffusion model in diffusers' layout", "Use a single-file checkpoint."),
)


@dataclass(frozen=True, kw_only=True)
class CheckpointParts:
    """Where the parts of a checkpoint are; a None prefix means that the part is not in the file."""

    family: str
    unet_prefix: str
    text_prefix: str | None
    vae_prefix: str | None


def detect_checkpoint(file: ModelFile) -> CheckpointParts:
    """Find family and parts; raises FamilyNotSupported or WrongModelKind with what the file seems to be."""
    prefix = diffusion_prefix(file.tensors)
    _refuse_other_families(file, prefix)
    if f"{prefix}input_blocks.0.0.weight" not in file.tensors:
        raise _wrong_kind(file, "checkpoint")
    _refuse_other_unets(file, prefix)
    return CheckpointParts(
        family="Stable Diffusion 1",
        unet_prefix=prefix,
        text_prefix=text_prefix(file.tensors),
        vae_prefix=vae_prefix(file.tensors),
    )


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


def text_prefix(tensors: Tensors) -> str | None:
    """What stands before `embeddings.` and `encoder.` of a CLIP text encoder; None when there is none."""
    for prefix in (SD1_TEXT_PREFIX, "cond_stage_model.", "text_encoders.clip_l.transformer.", ""):
        for inner in (f"{prefix}text_model.", prefix):
            if f"{inner}embeddings.token_embedding.weight" in tensors:
                return inner
    return None


def wrong_kind(file: ModelFile, wanted: str) -> WrongModelKind:
    """The error for a file that is not what its loader wants."""
    return _wrong_kind(file, wanted)


def _refuse_other_families(file: ModelFile, prefix: str) -> None:
    for marker, family in _FAMILY_MARKERS:
        if prefix + marker in file.tensors:
            raise _unsupported(file, f"seems to be a {family} model")


def _refuse_other_unets(file: ModelFile, prefix: str) -> None:
    tensors = file.tensors
    channels = tensors[f"{prefix}input_blocks.0.0.weight"].shape[1]
    if any(name.startswith("conditioner.embedders.") for name in tensors):
        raise _unsupported(file, "seems to be a Stable Diffusion XL model")
    if f"{prefix}label_emb.0.0.weight" in tensors:
        raise _unsupported(file, "seems to be a model with class or size conditions, such as SDXL or unCLIP")
    if any(name.startswith("cond_stage_model.model.") for name in tensors) or _linear_projection(
        tensors, prefix
    ):
        raise _unsupported(file, "seems to be a Stable Diffusion 2 model")
    if channels != 4:
        kind = {9: "an inpainting model", 8: "an InstructPix2Pix model"}.get(channels, "a special model")
        raise _unsupported(file, f"seems to be {kind} (its network takes {channels} channels)")


def _linear_projection(tensors: Tensors, prefix: str) -> bool:
    return any(
        name.startswith(prefix) and name.endswith(".1.proj_in.weight") and len(info.shape) == 2
        for name, info in tensors.items()
    )


def _unsupported(file: ModelFile, what: str) -> FamilyNotSupported:
    return FamilyNotSupported(
        file.path, f"{what}, which cannot be run yet", "Choose a Stable Diffusion 1 checkpoint."
    )


def _wrong_kind(file: ModelFile, wanted: str) -> WrongModelKind:
    for beginning, kind, remedy in _OTHER_KINDS:
        if any(name.startswith(beginning) for name in file.tensors):
            return WrongModelKind(file.path, f"is no {wanted}; it seems to be a {kind}", remedy)
    example = next(iter(file.tensors))
    return WrongModelKind(
        file.path,
        f"is no {wanted} that is known here (it has {len(file.tensors)} tensors, such as {example!r})",
        f"Choose another {wanted}.",
    )
