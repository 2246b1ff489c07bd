"""Reads the factors of weights that a file stores in 8 bits; `building.py` multiplies by them.

Each such layer has a `scale_weight` that its 8-bit numbers are multiplied by, and maybe a `scale_input` for
multiplying in 8 bits. A tensor `scaled_fp8` marks the whole model; its content is not needed.
"""

from collections.abc import Iterable

from torch import Tensor

from app.inference.models.errors import WeightsDoNotFit
from app.inference.models.files.model_file import ModelFile

_MARKER, _FACTOR = "scaled_fp8", "scale_weight"
_BESIDE_WEIGHTS = frozenset({_MARKER, _FACTOR, "scale_input"})


def is_about_scaling(name: str) -> bool:
    """Whether a tensor belongs to no network but tells how others are stored."""
    return name.rpartition(".")[2] in _BESIDE_WEIGHTS


def factors(file: ModelFile, names: Iterable[str]) -> dict[str, Tensor]:
    """The factor, float32 of no dimension, of each named weight that has one.

    Raises WeightsDoNotFit for a factor that is no single number.
    """
    found = {_factor_name(name): name for name in names if name.endswith(".weight")}
    present = [name for name in found if name in file.tensors]
    read: dict[str, Tensor] = {}
    for name, factor in file.read(present):
        if factor.numel() != 1:
            raise WeightsDoNotFit(
                file.path,
                f"has {name} with {factor.numel()} numbers in place of one",
                "This way of storing weights cannot be read yet; choose another file of the model.",
            )
        read[found[name]] = factor.float().reshape(())
    return read


def _factor_name(weight: str) -> str:
    return f"{weight.removesuffix('weight')}{_FACTOR}"
