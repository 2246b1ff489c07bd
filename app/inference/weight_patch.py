"""What a change of a model's weights is: LoRA, merging, attention factors; applied by `models/weights.py`."""

from collections.abc import Collection, Hashable
from typing import Protocol

from torch import Tensor


class WeightPatch(Protocol):
    """A change of some tensors of a network, applied in the order in which patches were added.

    Names are those of the network's own `state_dict`. Equal `identity` means equal result, so that weights
    that were patched once are recognised. Nothing is undone by arithmetic: the model file is the original.
    """

    @property
    def identity(self) -> Hashable:
        """Tells whether two patches do the same."""
        ...

    @property
    def names(self) -> Collection[str]:
        """The tensors that are changed."""
        ...

    def apply(self, name: str, weight: Tensor) -> Tensor:
        """The changed tensor, float32 of the same shape.

        `weight` is float32 and a copy that the patch may write to; it may return it.
        """
        ...
