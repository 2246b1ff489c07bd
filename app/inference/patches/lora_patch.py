"""A LoRA file as a change of one network's weights; the LoRA nodes add it to models and text encoders."""

import logging
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from app.inference.models.weights import PatchedWeights
from app.inference.patches.adapter import Adapter
from app.inference.patches.layer_names import find_layer, is_text_layer
from app.inference.patches.lora_file import LoraFile, bias_adapter, weight_adapter

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoraPatch:
    """The layers of a file that belong to a network, at one strength; implements `WeightPatch`."""

    identity: Hashable
    adapters: Mapping[str, Adapter]
    strength: float

    @property
    def names(self) -> Collection[str]:
        """See `WeightPatch`."""
        return self.adapters.keys()

    def apply(self, name: str, weight: Tensor) -> Tensor:
        """See `WeightPatch`."""
        return self.adapters[name].add_to(weight, self.strength)


@dataclass
class Matches:
    """Collects which layers of a file were found, so that the rest can be reported once for all networks."""

    file: LoraFile
    found: set[str] = field(default_factory=set)
    misfits: list[str] = field(default_factory=list)

    def patch(
        self,
        weights: PatchedWeights[Any],
        layers: Mapping[str, str],
        prefixes: Sequence[str],
        strength: float,
    ) -> LoraPatch | None:
        """The file's change of a network; None when it changes nothing of it.

        `layers` and `prefixes` as for `find_layer`.
        """
        adapters: dict[str, Adapter] = {}
        for name, parts in self.file.layers.items():
            layer = find_layer(name, layers, prefixes)
            if layer is None:
                continue
            self.found.add(name)
            for tensor, adapter in (
                (f"{layer}.weight", weight_adapter(parts)),
                (f"{layer}.bias", bias_adapter(parts)),
            ):
                if adapter is None or tensor not in weights.names:
                    continue
                if adapter.fits(weights.original(tensor).shape):
                    adapters[tensor] = adapter
                else:
                    self.misfits.append(name)
        if not adapters or strength == 0:
            return None
        return LoraPatch(identity=(self.file.identity, strength), adapters=adapters, strength=strength)

    def report(self, *, texts_wanted: bool) -> None:
        """Log what of the file is not applied: how much, and an example.

        Without `texts_wanted`, layers of text encoders are not missed.
        """
        unfound = [name for name in self.file.layers if name not in self.found]
        if not texts_wanted:
            unfound = [name for name in unfound if not is_text_layer(name)]
        unknown = [*self.file.strange_keys, *unfound]
        if not self.found:
            logger.warning("%s changes nothing: no key of it belongs to this model.", self.file.path.name)
        elif unknown:
            logger.warning(
                "Keys of %s that belong to no layer of this model: %d, such as %s",
                self.file.path.name,
                len(unknown),
                unknown[0],
            )
        if self.misfits:
            logger.warning(
                "Layers of %s that have another size than this model's: %d, such as %s",
                self.file.path.name,
                len(self.misfits),
                self.misfits[0],
            )
