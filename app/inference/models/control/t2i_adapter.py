"""T2I-Adapters: a picture becomes features that are added to a UNet's input blocks; Mou et al. 2023."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from torch import Tensor
from torch import device as Device

from app.inference.conditioning.control import ControlDoesNotFit, ControlQuestion
from app.inference.conditioning.hint import fitted_hint
from app.inference.memory.devices import compute_dtype
from app.inference.models.building import build
from app.inference.models.detect import Tensors
from app.inference.models.errors import FamilyNotSupported
from app.inference.models.files.model_file import ModelFile
from app.inference.models.unet.residuals import Residuals
from app.inference.models.unet.shape import UNetShape
from app.inference.models.weights import PatchedWeights
from app.inference.pictures.images import Image

if TYPE_CHECKING:
    from diffusers.models.adapter import FullAdapter, FullAdapterXL

CELL = 8  # pixels per latent cell
BLOCKS_PER_LEVEL = 2
XL_FOLD = 16  # pixels folded into one cell of features, along each side; 8 in SD1
_ORIGINAL = re.compile(r"^body\.(\d+)\.(block1|block2|in_conv)\.")
_DIFFUSERS_PREFIX = "adapter."


@dataclass(frozen=True, kw_only=True, eq=False)
class T2IAdapter:
    """An adapter as a CONTROL_NET socket carries it; implements `ControlNet`.

    `fold` is the number of pixels along one side that become one cell of features.
    """

    weights: "PatchedWeights[FullAdapter | FullAdapterXL]"
    channels: int
    fold: int
    takes_mask: bool = False

    def with_types(self, types: tuple[int, ...]) -> "T2IAdapter":
        """An adapter knows one type of picture only."""
        return self

    def prepared(self, picture: Image, question: ControlQuestion) -> tuple[Tensor, ...]:
        """All features; they depend on nothing but the picture."""
        height, width = (math.ceil(cells * CELL / self.fold) * self.fold for cells in question.x.shape[-2:])
        hint = fitted_hint(picture, height, width, self.channels)
        with self.weights.at_work():
            features = self.weights.network(hint.to(self.weights.device, self.weights.dtype))
        self._check(features, question.unet.shape)
        return tuple(each.to(question.x) for each in features)

    def residuals(self, prepared: tuple[Tensor, ...], question: ControlQuestion) -> Residuals:
        """The features at the ends of the UNet's levels; in SDXL the last one behind the middle block."""
        features = [question.for_batch(each) for each in prepared]
        ends = _level_ends(question.unet.shape)
        if not self._starts_at_half:
            return Residuals(input_blocks=_at(ends, features))
        return Residuals(input_blocks=_at([ends[0] + 1, *ends[1:]], features[:-1]), middle=features[-1])

    @property
    def _starts_at_half(self) -> bool:
        """Whether the first features have half the latent's size, as in SDXL."""
        return self.fold == XL_FOLD

    def _check(self, features: Sequence[Tensor], shape: UNetShape) -> None:
        wanted = [level.channels for level in shape.levels]
        if self._starts_at_half:
            wanted.append(wanted[-1])
        if [each.shape[1] for each in features] != wanted:
            raise ControlDoesNotFit(
                "The T2I-Adapter was made for a model of other widths: use one for the family of the model."
            )


def _level_ends(shape: UNetShape) -> list[int]:
    """Numbers of the input blocks that end a level, before the downsampler."""
    lengths = [level.blocks + 1 for level in shape.levels]  # one more: the first convolution or downsampler
    return [end - 1 for end in accumulate(lengths)]


def _at(places: Sequence[int], features: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """The features at their places, None between them."""
    found = dict(zip(places, features, strict=True))
    return tuple(found.get(place) for place in range(max(places) + 1))


def is_t2i_adapter(tensors: Tensors) -> bool:
    """Whether these are the tensors of an adapter of any kind."""
    names = ("conv_in.weight", "body.0.in_conv.weight", "body.0.block1.weight", "body.0.body.0.block1.weight")
    return "body.0.block1.weight" in tensors or any(_DIFFUSERS_PREFIX + name in tensors for name in names)


def load_t2i_adapter(file: ModelFile, device: Device) -> T2IAdapter:
    """Load an adapter in the original layout or diffusers'; raises WeightsDoNotFit, FamilyNotSupported."""
    from diffusers.models.adapter import FullAdapter, FullAdapterXL

    names = _names(file.tensors)
    if "conv_in.weight" not in names or "body.0.resnets.0.block1.weight" not in names:
        raise FamilyNotSupported(
            file.path, "seems to be a light T2I-Adapter, which cannot be run yet", "Choose a full one."
        )
    folded = file.tensors[names["conv_in.weight"]]
    channels = 3 if folded.shape[1] % 3 == 0 else 1
    fold = math.isqrt(folded.shape[1] // channels)
    levels = sum(f"body.{level}.resnets.0.block1.weight" in names for level in range(8))
    widths = [
        file.tensors[names[f"body.{level}.resnets.0.block1.weight"]].shape[0] for level in range(levels)
    ]
    kind = FullAdapterXL if fold == XL_FOLD else FullAdapter
    weights = build(
        lambda: kind(channels, widths, BLOCKS_PER_LEVEL, fold),
        file,
        names,
        part="T2I-Adapter",
        device=device,
        dtype=compute_dtype(device),
    )
    return T2IAdapter(weights=weights, channels=channels, fold=fold)


def _names(tensors: Tensors) -> Mapping[str, str]:
    """The network's tensor names to the file's."""
    names: dict[str, str] = {}
    for stored in tensors:
        name = stored.removeprefix(_DIFFUSERS_PREFIX)
        found = _ORIGINAL.match(name)
        if found and not stored.startswith(_DIFFUSERS_PREFIX):
            level, block = divmod(int(found[1]), BLOCKS_PER_LEVEL)
            inner = "in_conv" if found[2] == "in_conv" else f"resnets.{block}.{found[2]}"
            name = f"body.{level}.{inner}.{name[found.end() :]}"
        names[name] = stored
    return names
