"""Where a file keeps a network's tensors when layouts differ; loaders say it, `building.py` reads."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor of a file as a network wants it: whole, one of `parts` equal parts of its rows, or turned."""

    name: str
    part: int = 0
    parts: int = 1
    transposed: bool = False

    def shape(self, stored: tuple[int, ...]) -> tuple[int, ...]:
        """The network's shape of a file's tensor of this shape."""
        if self.transposed:
            return stored[::-1]
        return (stored[0] // self.parts, *stored[1:]) if self.parts > 1 and stored else stored

    def view(self, tensor: Tensor) -> Tensor:
        """The network's tensor as a view of the file's."""
        if self.transposed:
            return tensor.T
        return tensor.chunk(self.parts)[self.part] if self.parts > 1 else tensor
