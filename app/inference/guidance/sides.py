"""The sides of a conditioning made ready for a run: each gets what the others' entries demand of it.

`predictions.py` prepares every entry and asks here for what belongs to several sides: an area needs a
prediction on each of them, nets and boxes reach the negative one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, permutations

from torch import Tensor

from app.inference.conditioning.area import Area
from app.inference.conditioning.entry import CondEntry
from app.inference.conditioning.reach import encloses, size_of
from app.inference.denoiser import ExtraInputs


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """An entry made ready for a run: resolved, its range in levels, further inputs of network and net."""

    entry: CondEntry
    number: int
    extra: ExtraInputs
    control_label: Tensor | None
    first_sigma: float
    last_sigma: float

    @property
    def has_range(self) -> bool:
        """Whether the entry does not count at some levels."""
        return self.first_sigma < math.inf or self.last_sigma > -math.inf

    def acts_at(self, sigma: float) -> bool:
        """Whether the entry counts at this level."""
        return self.last_sigma <= sigma <= self.first_sigma


Side = tuple[Prepared, ...]

_TEXT = ("tokens", "pooled", "control_tokens", "control_pooled")  # what an entry says, not where or when


def balanced(sides: Sequence[Side], height: int, width: int) -> list[Side]:
    """The sides with their areas, nets and boxes shared, and every entry with a number of its own.

    `height` and `width` are the latent's, in cells.
    """
    shared = _with_same_areas(list(sides), height, width)
    for place in range(1, len(shared)):
        shared[place] = _with_control_of(shared[0], shared[place])
        shared[place] = _with_boxes_of(shared[0], shared[place])
    numbers = count(1)
    return [tuple(replace(each, number=next(numbers)) for each in side) for side in shared]


def _with_same_areas(sides: list[Side], height: int, width: int) -> list[Side]:
    """Give each side an entry for every area of the others, so that no place has one prediction only."""
    equal = list(sides)
    for origins, others in permutations(range(len(sides)), 2):
        equal[others] = equal[others] + _counterparts(equal[origins], equal[others], height, width)
    return equal


def _counterparts(origins: Side, others: Side, height: int, width: int) -> Side:
    """Copies of `origins` with areas that `others` lack, with the text of the smallest entry around each."""
    found = list(others)
    for origin in origins:
        area = origin.entry.area
        if not isinstance(area, Area):
            continue
        around = [each for each in found if encloses(each.entry.area, area)]
        if not around or any(each.entry.area == area for each in around):
            continue
        smallest = min(around, key=lambda each: size_of(each.entry.area, height, width))
        text = {name: getattr(smallest.entry, name) for name in _TEXT}
        inputs = {"extra": smallest.extra, "control_label": smallest.control_label}
        found.append(replace(origin, entry=replace(origin.entry, **text), **inputs))
    return tuple(found[len(others) :])


def _with_control_of(positive: Side, negative: Side) -> Side:
    """Deal the nets that reach the negative side out to its entries."""
    reaching = tuple(each for each in positive if each.entry.control_reaches_negative)
    return _dealt("control", reaching, negative)


def _with_boxes_of(positive: Side, negative: Side) -> Side:
    """Deal the grounded texts of the positive side out to the negative one's entries."""
    return _dealt("grounded_texts", positive, negative)


def _dealt(name: str, positive: Side, negative: Side) -> Side:
    """Give what the positive side's entries have under `name` to the negative ones', one after the other.

    Only entries for the whole picture give and take, and nothing is dealt when one of the negative side has
    its own. What is left over goes round again, to copies of the entries.
    """
    gifts = [getattr(each.entry, name) for each in positive if each.entry.area is None]
    gifts = [gift for gift in gifts if gift is not None]
    whole = [place for place, each in enumerate(negative) if each.entry.area is None]
    if not gifts or not whole or any(getattr(negative[place].entry, name) is not None for place in whole):
        return negative
    dealt = list(negative)
    for index, gift in enumerate(gifts):
        taker = negative[whole[index % len(whole)]]
        changed = replace(taker, entry=replace(taker.entry, **{name: gift}))
        if index < len(whole):
            dealt[whole[index]] = changed
        else:
            dealt.append(changed)
    return tuple(dealt)
