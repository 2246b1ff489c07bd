"""Changes and combines masks; mask nodes call it. Masks are [B, H, W] with 1 = selected."""

from collections.abc import Callable, Mapping

from torch import Tensor

from app.inference.errors import BatchesDoNotFit, ChannelsDoNotFit
from app.inference.pictures.channels import colours
from app.inference.pictures.images import Image
from app.inference.types import Mask

CHANNELS = ("red", "green", "blue", "alpha")


def flat(mask: Mask) -> Mask:
    """`mask` with any leading axes as [B, H, W]."""
    return mask.reshape(-1, *mask.shape[-2:])


def channel(image: Image, name: str) -> Mask:
    """One channel of a picture; raises ChannelsDoNotFit when it is not there."""
    index = CHANNELS.index(name)
    if index >= image.shape[-1]:
        raise ChannelsDoNotFit(f"The picture has {image.shape[-1]} channels and no {name}: choose another.")
    return image[..., index].clone()


def of_colour(image: Image, colour: int) -> Mask:
    """1 where the picture, in 8 bits per channel, has the colour 0xRRGGBB."""
    levels = (colours(image).clamp(0, 1) * 255).round().long()
    value = (levels[..., 0] << 16) + (levels[..., 1] << 8) + levels[..., 2]
    return (value == colour).float()


def feather(mask: Mask, *, left: int, top: int, right: int, bottom: int) -> Mask:
    """The mask rising from the border over so many pixels at each side.

    At the right and at the bottom the first of them is the opposite border, since counting back from the end
    begins with 0; pictures that people keep were made that way.
    """
    mask = flat(mask).clone()
    height, width = mask.shape[-2:]
    sides = ((left, width, -1, 1), (top, height, -2, 1), (right, width, -1, -1), (bottom, height, -2, -1))
    for wanted, length, axis, direction in sides:
        amount = min(wanted, length)
        for step in range(amount):
            mask.select(axis, direction * step).mul_((step + 1) / amount)
    return mask


def combine(destination: Mask, source: Mask, x: int, y: int, operation: str) -> Mask:
    """`source` put on `destination` with its corner at (`x`, `y`) by one of `OPERATIONS`, clipped to 0..1.

    Raises BatchesDoNotFit when the source has neither one mask nor as many as the destination.
    """
    result, source = flat(destination).clone(), flat(source)
    if source.shape[0] not in (1, result.shape[0]):
        raise BatchesDoNotFit(
            f"{source.shape[0]} masks cannot be put on {result.shape[0]}: give one, or as many."
        )
    below = result[:, y : y + source.shape[1], x : x + source.shape[2]]
    above = source[:, : below.shape[1], : below.shape[2]]
    below.copy_(OPERATIONS[operation](below, above))
    return result.clamp(0, 1)


def _selected(mask: Tensor) -> Tensor:
    return mask.round() != 0


OPERATIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "multiply": lambda below, above: below * above,
    "add": lambda below, above: below + above,
    "subtract": lambda below, above: below - above,
    "and": lambda below, above: _selected(below) & _selected(above),
    "or": lambda below, above: _selected(below) | _selected(above),
    "xor": lambda below, above: _selected(below) ^ _selected(above),
}
"""By name, in the order of the menu."""
