"""Shows UNets of diffusers' layout under the original names that all loaders know; `checkpoint.py` asks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from app.inference.models.detect import Tensors, unsupported
from app.inference.models.files.ldm_names import UNetLevel, rename, unet_modules
from app.inference.models.files.model_file import ModelFile
from app.inference.models.files.scaled_fp8 import is_about_scaling

_MARKERS = (
    "conv_in.weight",
    "conv_norm_out.weight",
    "down_blocks.0.resnets.0.conv1.weight",
    "conv_out.weight",
)


@dataclass(frozen=True, kw_only=True)
class RenamedModelFile(ModelFile):
    """A model file whose tensors are asked for by other names; `stored_names` maps those to the file's."""

    stored_names: Mapping[str, str]

    def read(self, names: list[str]) -> Iterator[tuple[str, Tensor]]:
        """See `ModelFile.read`."""
        asked = {self.stored_names[name]: name for name in names}
        for stored, tensor in super().read(list(asked)):
            yield asked[stored], tensor


def with_original_names(file: ModelFile) -> ModelFile:
    """The file with the original names of its UNet's tensors; itself when it has no UNet of diffusers.

    Raises FamilyNotSupported when there are tensors that no Stable Diffusion UNet has.
    """
    if not all(marker in file.tensors for marker in _MARKERS):
        return file
    originals = {ours: theirs for theirs, ours in unet_modules(_levels(file.tensors)).items()}
    stored_names: dict[str, str] = {}
    for name in file.tensors:
        original = rename(name, originals)
        if original is None and is_about_scaling(name):
            continue
        if original is None:
            raise unsupported(file, f"seems to be a diffusion model of another family (it has {name})")
        stored_names[original] = name
    return RenamedModelFile(
        path=file.path,
        tensors={original: file.tensors[name] for original, name in stored_names.items()},
        metadata=file.metadata,
        stored_names=stored_names,
    )


def _levels(tensors: Tensors) -> tuple[UNetLevel, ...]:
    return tuple(
        UNetLevel(
            channels=tensors[f"down_blocks.{level}.resnets.0.conv1.weight"].shape[0],
            blocks=_count(tensors, f"down_blocks.{level}.resnets.{{}}.conv1.weight"),
            depth=_count(tensors, f"down_blocks.{level}.attentions.0.transformer_blocks.{{}}.norm1.weight"),
        )
        for level in range(_count(tensors, "down_blocks.{}.resnets.0.conv1.weight"))
    )


def _count(tensors: Tensors, pattern: str) -> int:
    number = 0
    while pattern.format(number) in tensors:
        number += 1
    return number
