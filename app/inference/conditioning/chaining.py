"""Hangs a control net onto the entries of a conditioning; the nodes that apply control nets call it."""

from dataclasses import replace

from app.inference.conditioning.control import AppliedControl
from app.inference.conditioning.entry import CondEntry, Conditioning


def chained(link: AppliedControl, *sides: Conditioning) -> tuple[Conditioning, ...]:
    """All sides with `link` at the end of every entry's chain.

    Entries with one chain share one link, so that they can share calls of the network.
    """
    links: dict[int, AppliedControl] = {}

    def with_link(entry: CondEntry) -> CondEntry:
        made = links.setdefault(id(entry.control), replace(link, previous=entry.control))
        return replace(entry, control=made, control_reaches_negative=False)

    return tuple(tuple(with_link(entry) for entry in side) for side in sides)


def chained_apart(link: AppliedControl, conditioning: Conditioning) -> Conditioning:
    """Every entry with a link of its own at the end of its chain, which the negative side may get too."""
    return tuple(
        replace(entry, control=replace(link, previous=entry.control), control_reaches_negative=True)
        for entry in conditioning
    )
